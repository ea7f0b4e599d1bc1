"""What recordings and films share: bytes as a file, containers, sound on a common grid, segments of a long part.

Audio and video must not import each other (import-linter); what both need lies here and knows neither.
Nothing in here reads the spec or speaks of gates: it raises :mod:`mmpipe.stages.media.errors`, and a stage turns that
into its verdict.
"""
