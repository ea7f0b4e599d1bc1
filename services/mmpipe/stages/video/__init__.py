"""Video: from bytes of a film to a few upright square pictures with their times, and the sound of the same stretch.

``decode`` plans the segments of a long film and decodes one. On the way: ``film`` opens it and holds the caps,
``timeline`` reads which coded pictures there are without decoding, ``sampling`` and ``scenes`` choose, ``schedule``
finds the packets that the choice needs (``references`` knows which packets no other needs), ``frames`` decodes them and
``picture`` makes them square and upright. ``clean`` holds the black-film gate and measures quality.
"""
