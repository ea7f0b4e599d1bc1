"""Texts: from the bytes of a document to clean prose, and the gates it has to pass.

``decode`` is the stage: ``charsets`` finds out in which encoding the bytes are, ``fields`` picks the text out of JSON.
``clean`` is the next: ``markup`` turns HTML into what a reader sees, ``whitespace`` folds blanks.
"""
