"""Decoding pictures: every format and kind of pixel against Pillow or a formula, and every cap."""

import io
import mmap
import threading
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageOps

from mmpipe.records import Item, Media, Pixels, Rejected
from mmpipe.spec.image import ImageDecode
from mmpipe.stages.image.decode import build

type Resize = Literal["Crop", "Pad", "Stretch"]

SIZE = 64
OPTIONS = ImageDecode(size=SIZE)
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


def scene(width: int, height: int, seed: int = 0) -> Pixels:
    """A picture with the spectrum of photographs: amplitude falls with frequency to the power of 1.2 (Field, 1987)."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    noise = rng.normal(size=(2, 3, *frequency.shape))
    planes = np.fft.irfft2((noise[0] + 1j * noise[1]) / frequency**1.2, s=(height, width))
    planes = planes[:1] * 0.9 + planes * 0.1
    planes *= 50 / planes.std()
    return np.clip(np.moveaxis(planes, 0, -1) + 120, 0, 255).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(content: bytes, kind: str, options: ImageDecode = OPTIONS) -> Item[Pixels]:
    (outcome,) = build(options)([Item("a", Media(content, kind.lower()))])
    assert isinstance(outcome, Item), outcome
    return outcome


def refused(content: bytes, kind: str, options: ImageDecode = OPTIONS) -> Rejected:
    (outcome,) = build(options)([Item("a", Media(content, kind.lower()))])
    assert isinstance(outcome, Rejected), outcome
    return outcome


def usual(image: Image.Image, size: int) -> Pixels:
    """What torchvision and CLIP do with Pillow: the short edge by antialiased bicubic, then the middle."""
    width, height = image.size
    edge = min(width, height)
    scaled = image.convert("RGB").resize((size * width // edge, size * height // edge), Image.Resampling.BICUBIC)
    left, top = round((scaled.width - size) / 2), round((scaled.height - size) / 2)
    return np.asarray(scaled.crop((left, top, left + size, top + size)))


def psnr_db(found: Pixels, expected: Pixels) -> float:
    """Peak signal-to-noise ratio, 10 log10(255² / mean squared error)."""
    error = np.mean((found.astype(float) - expected.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.mark.parametrize("kind", KINDS)
def test_each_format_becomes_an_rgb_square_close_to_what_pillow_makes_of_it(kind: str) -> None:
    content = encoded(Image.fromarray(scene(160, 120)), kind)

    item = decoded(content, kind)

    assert item.payload.shape == (SIZE, SIZE, 3)
    assert item.payload.dtype == np.uint8
    assert item.payload.flags.c_contiguous
    assert psnr_db(item.payload, usual(Image.open(io.BytesIO(content)), SIZE)) > 33
    assert item.facts == {"format": kind.lower(), "width": 160, "height": 120}


@pytest.mark.parametrize(
    ("width", "height"),
    [(224, 224), (300, 200), (341, 256), (400, 300), (411, 400), (640, 480), (800, 600), (480, 852), (1000, 900)],
)
def test_a_jpeg_of_any_size_is_within_35_db_of_full_decoding_and_antialiased_bicubic(width: int, height: int) -> None:
    content = encoded(Image.fromarray(scene(width, height)), "JPEG", quality=90)

    item = decoded(content, "JPEG", ImageDecode(size=224))

    assert psnr_db(item.payload, usual(Image.open(io.BytesIO(content)), 224)) >= 35


@pytest.mark.parametrize("scale", [1, 2, 4, 8, 12])
def test_a_ramp_keeps_its_place_at_every_scale_of_the_decoder(scale: int) -> None:
    # A horizontal ramp shows a shift of the grid as an offset: it runs over 256 levels in 64 pixels, 4 levels each.
    edge = SIZE * scale
    ramp = np.broadcast_to(np.linspace(0, 255, edge)[None, :, None], (edge, edge, 3)).astype(np.uint8)

    item = decoded(encoded(Image.fromarray(ramp), "JPEG", quality=100, subsampling=0), "JPEG")

    expected = ramp.reshape(SIZE, scale, SIZE, scale, 3).mean(axis=(1, 3))
    assert np.abs(item.payload[:, 4:-4] - expected[:, 4:-4]).max() < 2


@pytest.mark.parametrize("size", [(720, 477), (717, 475), (1001, 901), (955, 637), (1999, 1801)])
def test_an_odd_size_that_halving_rounds_does_not_shift_the_grid(size: tuple[int, int]) -> None:
    content = encoded(Image.fromarray(scene(*size)), "JPEG", quality=95)

    item = decoded(content, "JPEG", ImageDecode(size=224))

    assert psnr_db(item.payload, usual(Image.open(io.BytesIO(content)), 224)) >= 35


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    pixels = scene(SIZE, SIZE)

    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(pixels), "PNG"), "PNG").payload, pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(kind: str, orientation: int) -> None:
    quadrants = np.zeros((96, 128, 3), np.uint8)
    quadrants[:48, :64], quadrants[:48, 64:], quadrants[48:, :64] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(quadrants), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))

    item = decoded(content, kind)

    corners = np.ix_([4, -5], [4, -5])
    assert np.abs(item.payload[corners].astype(int) - usual(upright, SIZE)[corners].astype(int)).max() < 20
    assert (item.facts["width"], item.facts["height"]) == upright.size


def test_a_broken_exif_block_does_not_reject_the_picture() -> None:
    content = encoded(Image.fromarray(scene(80, 80)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")

    assert decoded(content, "JPEG").facts["width"] == 80


@pytest.mark.parametrize("resize", ["Crop", "Pad", "Stretch"])
def test_the_three_ways_to_make_a_square(resize: Resize) -> None:
    # Thirds of red, green and blue side by side, three times as wide as high.
    thirds = np.repeat(np.eye(3, dtype=np.uint8) * 255, SIZE, axis=0)[None].repeat(SIZE, axis=0)

    square = decoded(encoded(Image.fromarray(thirds), "PNG"), "PNG", ImageDecode(size=SIZE, resize=resize)).payload

    left, middle, top = tuple(square[SIZE // 2, 2]), tuple(square[SIZE // 2, SIZE // 2]), tuple(square[2, SIZE // 2])
    red, green, black = (255, 0, 0), (0, 255, 0), (0, 0, 0)
    expected = {"Crop": (green, green, green), "Pad": (red, green, black), "Stretch": (red, green, green)}
    assert (left, middle, top) == expected[resize]


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 700)])
@pytest.mark.parametrize("resize", ["Crop", "Pad", "Stretch"])
def test_strips_and_dots_become_squares_without_growing_first(size: tuple[int, int], resize: Resize) -> None:
    content = encoded(Image.new("RGB", size, (10, 200, 30)), "PNG")
    options = ImageDecode(size=SIZE, resize=resize, max_decompression_ratio=1e9)

    square = decoded(content, "PNG", options).payload

    assert square.shape == (SIZE, SIZE, 3)
    assert tuple(square[SIZE // 2, SIZE // 2]) == (10, 200, 30)


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (Image.new("L", (80, 80), 77), "JPEG", (77, 77, 77)),
        (Image.new("L", (80, 80), 77), "PNG", (77, 77, 77)),
        (Image.new("1", (80, 80), 1), "PNG", (255, 255, 255)),
        (Image.new("1", (80, 80), 0), "TIFF", (0, 0, 0)),
        (Image.new("RGBA", (80, 80), (0, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (80, 80), (255, 0, 0, 128)), "PNG", (255, 127, 127)),
        (Image.new("RGBA", (80, 80), (255, 0, 0, 0)), "WEBP", (255, 255, 255)),
        (Image.new("LA", (80, 80), (0, 128)), "PNG", (127, 127, 127)),
        (Image.new("RGB", (80, 80), (9, 99, 199)).quantize(4), "PNG", (9, 99, 199)),
        (Image.new("CMYK", (80, 80), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("CMYK", (80, 80), (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
        (Image.fromarray(np.full((80, 80), 0x8080, np.uint16)), "PNG", (128, 128, 128)),
        (Image.fromarray(np.full((80, 80), 0xFFFF, np.uint16)), "TIFF", (255, 255, 255)),
        (Image.fromarray(np.full((80, 80), 0x007F, np.uint16)), "PNG", (0, 0, 0)),
    ],
)
def test_every_kind_of_pixel_becomes_the_colour_that_it_shows(
    image: Image.Image, kind: str, expected: tuple[int, int, int]
) -> None:
    middle = decoded(encoded(image, kind), kind).payload[SIZE // 2, SIZE // 2]

    assert np.abs(middle.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_shows_white(kind: str) -> None:
    image = Image.new("P", (80, 80), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])

    middle = decoded(encoded(image, kind, transparency=1), kind).payload[SIZE // 2, SIZE // 2]

    assert tuple(middle) == (255, 255, 255)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ((200, 0, 0), (0, 200, 0))]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert tuple(decoded(content, "GIF").payload[0, 0]) == (200, 0, 0)


def test_floating_point_pixels_are_refused_because_they_have_no_white() -> None:
    outcome = refused(encoded(Image.new("F", (80, 80), 0.5), "TIFF"), "TIFF")

    assert outcome.gate == "image.decode"
    assert "pixels of kind F have no defined black and white" in outcome.reason


def test_a_progressive_jpeg_decodes() -> None:
    content = encoded(Image.fromarray(scene(160, 160)), "JPEG", progressive=True)

    assert decoded(content, "JPEG").facts["width"] == 160


def test_stray_bytes_in_a_jpeg_are_forgiven() -> None:
    content = encoded(Image.fromarray(scene(160, 160)), "JPEG")

    item = decoded(content[:-2] + b"stray" + content[-2:], "JPEG")

    np.testing.assert_allclose(item.payload, decoded(content, "JPEG").payload, atol=40)


def test_a_mapped_file_decodes_like_its_bytes(tmp_path: Path) -> None:
    for kind in KINDS:
        content = encoded(Image.fromarray(scene(80, 80)), kind)
        (tmp_path / kind).write_bytes(content)
        with (tmp_path / kind).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            (outcome,) = build(OPTIONS)([Item("a", Media(mapped, kind.lower()))])

        assert isinstance(outcome, Item)
        np.testing.assert_array_equal(outcome.payload, decoded(content, kind).payload)


def test_threads_share_a_stage() -> None:
    stage = build(OPTIONS)
    contents = [encoded(Image.fromarray(scene(200, 160, seed)), kind) for seed, kind in enumerate(KINDS)]
    items = [Item(kind, Media(content, kind.lower())) for kind, content in zip(KINDS, contents, strict=True)]
    expected = [decoded(content, kind).payload for kind, content in zip(KINDS, contents, strict=True)]
    found: list[bool] = []

    def work() -> None:
        outcomes = stage(items * 3)
        same = [
            np.array_equal(o.payload, e) for o, e in zip(outcomes, expected * 3, strict=True) if isinstance(o, Item)
        ]
        found.append(len(same) == len(items) * 3 and all(same))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [True] * 4
