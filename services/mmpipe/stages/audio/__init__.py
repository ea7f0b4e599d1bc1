"""Audio: from bytes of any rate and channels to clean float32 mono at 16 kHz.

``decode`` plans the segments of a long recording and decodes one; ``recording`` is a file that is open for it, read by
``sndfile`` (libsndfile) or by PyAV; ``clean`` holds the silence gate and measures quality; ``embed`` makes vectors.
"""
