"""Make ``examples/media``: real files of scenes that the tiny model never saw in training, and four odd ones.

Run from the repository: ``python examples/make_media.py``. Same seed, same scenes; encoders of another version may
write other bytes. Parts of one sample share a stem: ``bells/red-striped-bell.jpg``, ``.wav``, ``.depth.png`` show one
bell.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image

from mmpipe.models.tiny import captions, codecs, depths, films, pictures, sounds, world
from mmpipe.models.tiny.codecs import FilmFormat, SoundFormat
from mmpipe.models.tiny.world import ATTRIBUTES, Kind, Scene
from mmpipe.records import Clip, Pixels

FOLDER = Path(__file__).parent / "media"
SEED = 7
SAMPLES_PER_KIND = 3

PARTS = (
    (".jpg", ".wav", ".txt", ".depth.png"),
    (".mp4", ".txt", ".npy"),
    (".jpg", ".mp3", ".md"),
    (".webp", ".ogg", ".txt", ".pfm"),
    (".webm", ".txt"),
    (".png", ".flac", ".html"),
    (".mkv", ".depth.png"),
    (".gif", ".m4a"),
    (".jpg", ".txt"),
    (".wav", ".txt"),
    (".jpg",),
)
"""What the samples consist of, one after another and over again."""

MP4 = replace(codecs.H264, options={"crf": "30", "preset": "slow"})
WEBM = replace(codecs.VP9, options={"crf": "42", "b": "0", "deadline": "good", "cpu-used": "4"})
MKV = FilmFormat("matroska", "libx264", {"crf": "30", "preset": "slow"}, SoundFormat("", "libopus", 48_000, 48_000))

type Write = Callable[[Scene, np.random.Generator], bytes]


def main() -> None:
    """Write every sample and the odd files anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for number, (scene, suffixes) in enumerate(zip(chosen_scenes(), cycle(PARTS), strict=False)):
        for suffix in suffixes:
            write(FOLDER / f"{stem(scene)}{suffix}", WRITERS[suffix](scene, world.generator(SEED, number, suffix)))
    for name, content in odd_files().items():
        write(FOLDER / "odd" / name, content)
    files = [file for file in FOLDER.rglob("*") if file.is_file()]
    print(f"{len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB in {FOLDER}")


def chosen_scenes() -> list[Scene]:
    """Held-out scenes, as many of each kind, kinds taking turns, no two with the same stem."""
    drawn = world.scenes(world.generator(SEED, "media"), held_out=True)
    found: dict[Kind, dict[str, Scene]] = {kind: {} for kind in Kind}
    while any(len(scenes) < SAMPLES_PER_KIND for scenes in found.values()):
        scene = next(drawn)
        if len(found[scene.kind]) < SAMPLES_PER_KIND:
            found[scene.kind].setdefault(stem(scene), scene)
    return [list(scenes.values())[turn] for turn in range(SAMPLES_PER_KIND) for scenes in found.values()]


def stem(scene: Scene) -> str:
    """Folder and name of a sample, ``bells/red-striped-bell``."""
    return f"{scene.kind}s/{scene.colour}-{scene.pattern}-{scene.kind}"


def write(file: Path, content: bytes) -> None:
    """Write a file and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def picture(scene: Scene, rng: np.random.Generator) -> Pixels:
    """A picture of 320 to 480 pixels a side, square or not."""
    height, width = (int(side) for side in rng.choice([320, 360, 400, 480], 2))
    return pictures.render(scene, rng, height, width)


def small_picture(scene: Scene, rng: np.random.Generator) -> Pixels:
    """A square picture for formats that compress badly."""
    return pictures.render(scene, rng, 320, 320)


def movie(scene: Scene, rng: np.random.Generator) -> Clip:
    """A film of 3 to 4 seconds at ten frames a second, 240 pixels a side."""
    frames = int(rng.integers(30, 41))
    return films.render(scene, rng, frames, 240, frames / 10)


def by_pillow(make: Callable[[Scene, np.random.Generator], Pixels], form: str, **options: int) -> Write:
    """A writer of pictures in one of Pillow's formats."""

    def written(scene: Scene, rng: np.random.Generator) -> bytes:
        target = io.BytesIO()
        Image.fromarray(make(scene, rng)).save(target, form, **options)
        return target.getvalue()

    return written


def as_sound(form: SoundFormat) -> Write:
    """A writer of sounds of 3 to 4 seconds."""
    return lambda scene, rng: codecs.sound(sounds.render(scene, rng, float(rng.uniform(3, 4))), form)


def as_film(form: FilmFormat) -> Write:
    """A writer of films."""
    return lambda scene, rng: codecs.film(movie(scene, rng), form)


def sentence(scene: Scene, rng: np.random.Generator) -> str:
    """A caption that mentions the kind and most of the rest."""
    others = [name for name in ATTRIBUTES if name != "kind"]
    return captions.compose(scene, {"kind", *rng.choice(others, 5, replace=False)}, rng)


def markdown(scene: Scene, rng: np.random.Generator) -> bytes:
    """A note with a heading."""
    return f"# Found: a {scene.kind}\n\n{sentence(scene, rng)}\n".encode()


def html(scene: Scene, rng: np.random.Generator) -> bytes:
    """A small web page whose markup and script are not content."""
    head = f"<head><title>{scene.kind}</title><script>track()</script></head>"
    return f"<!doctype html>\n<html>{head}<body><p>{sentence(scene, rng)}</p></body></html>\n".encode()


def npy(scene: Scene, rng: np.random.Generator) -> bytes:
    """A depth map as NumPy array, float32 metres."""
    target = io.BytesIO()
    np.save(target, depths.render(scene, rng, 128, 128))
    return target.getvalue()


def pfm(scene: Scene, rng: np.random.Generator) -> bytes:
    """A depth map as portable float map: little-endian float32 metres, rows from the bottom up."""
    metres = depths.render(scene, rng, 120, 160)
    return b"Pf\n160 120\n-1.0\n" + metres[::-1].astype("<f4").tobytes()


def odd_files() -> Mapping[str, bytes]:
    """Four files for the quarantine: a blank picture, silence, a picture cut off, a text that says it is a picture."""
    scene, rng = chosen_scenes()[0], world.generator(SEED, "odd")
    blank = io.BytesIO()
    Image.new("RGB", (320, 240), (128, 128, 128)).save(blank, "PNG")
    whole = codecs.jpeg(pictures.render(scene, rng, 320, 320))
    return {
        "blank.png": blank.getvalue(),
        "silence.wav": codecs.sound(np.zeros(3 * sounds.SAMPLE_RATE_HZ, np.float32), WAV),
        "cut-off.jpg": whole[: len(whole) * 2 // 5],
        "letter.jpg": b"Dear reader, this is a letter and not a picture, whatever its name says.\n",
    }


WAV = SoundFormat("wav", "pcm_s16le")

WRITERS: Mapping[str, Write] = {
    ".jpg": lambda scene, rng: codecs.jpeg(picture(scene, rng), 82),
    ".png": by_pillow(small_picture, "PNG", optimize=1),
    ".webp": by_pillow(picture, "WEBP", quality=80),
    ".gif": by_pillow(small_picture, "GIF"),
    ".wav": as_sound(WAV),
    ".flac": as_sound(SoundFormat("flac", "flac")),
    ".mp3": as_sound(SoundFormat("mp3", "libmp3lame", 44_100, 96_000)),
    ".ogg": as_sound(codecs.OPUS),
    ".m4a": as_sound(codecs.M4A),
    ".mp4": as_film(MP4),
    ".webm": as_film(WEBM),
    ".mkv": as_film(MKV),
    ".depth.png": lambda scene, rng: codecs.depth_png(depths.render(scene, rng, 240, 320)),
    ".npy": npy,
    ".pfm": pfm,
    ".txt": lambda scene, rng: f"{sentence(scene, rng)}\n".encode(),
    ".md": markdown,
    ".html": html,
}
"""How each kind of file is made."""

if __name__ == "__main__":
    main()
