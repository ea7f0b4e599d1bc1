"""Which packets must be decoded to get the chosen pictures, and no others: pure index arithmetic.

A picture needs the packets from the last key frame before it, less those that no other picture is predicted from
(``references``): the result is bit-identical to decoding everything. Measured on 8 pictures of 300: 2 to 4 times as
fast as the usual loop (``field/performance.md`` B3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mmpipe.stages.video.timeline import Coded


def schedule(pictures: Sequence[Coded], picks: Collection[int]) -> Mapping[int, int]:
    """The packets to decode, by their times, each with the number of its run.

    Runs are stretches without a jump: between two of them the decoder is emptied and starts anew at a key frame.
    ``picks`` are times of pictures; every picture has a time of its own.
    """
    runs: dict[int, int] = {}
    run, done = -1, -1
    for place in (place for place, picture in enumerate(pictures) if picture.shown in picks):
        entry = _entry(pictures, place)
        if done < 0 or entry > done + 1:
            run, done = run + 1, entry - 1
        needed = [at for at in range(done + 1, place + 1) if at == place or not pictures[at].dispensable]
        runs.update((pictures[at].shown, run) for at in needed)
        done = place
    return runs


def _entry(pictures: Sequence[Coded], place: int) -> int:
    """Where decoding starts for the picture at ``place``: a key frame that is shown no later.

    A picture shown before the key frame in front of it (a leading picture of an open group) is predicted across it, so
    it needs the key frame before that.
    """
    shown = pictures[place].shown
    return next((at for at in range(place, -1, -1) if pictures[at].key and pictures[at].shown <= shown), 0)
