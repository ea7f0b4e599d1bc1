"""What happens to the data: decode, clean and embed, one folder per modality, the same code in every runtime.

Everything in here is pure: bytes and arrays in, arrays and verdicts out; no server, store, clock or network.
``formats`` says what some bytes are; ``verdicts`` turns a function of one item into a stage; ``rasters`` holds
Pillow to an allow-list for the modalities that have pictures in files. Modalities don't import each other.
This package imports none of them by itself: a process loads only the libraries of the modalities it runs.
"""
