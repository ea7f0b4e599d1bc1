"""The command line: the composition root, where spec, stages, stores and runtimes meet.

One module for each command. They import what they run inside their functions, so that ``mmpipe --help`` answers at
once.
"""
