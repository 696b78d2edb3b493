"""Decoding image files of every kind, made here with Pillow, and broken ones."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from image_files import one_colour
from PIL import Image

from netspec.train.data.sources import decode
from netspec.train.data.splits import Frame, Unreadable

RGB = Frame(3, 20, 20)
GREY = Frame(1, 20, 20)


def centre_pixel(path: Path, image: Image.Image, frame: Frame = RGB, **options: object) -> list[int]:
    """Save an image, read it back, and return its central pixel."""
    image.save(path, **options)  # type: ignore[arg-type]
    pixels = decode.read_image(path, frame)
    assert pixels.shape == (frame.channels, 20, 20)
    assert pixels.dtype == np.uint8
    centre: list[int] = pixels[:, 10, 10].tolist()
    return centre


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_colour_and_grey_are_converted_to_the_networks_channels(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert centre_pixel(path, one_colour((200, 100, 50))) == pytest.approx([200, 100, 50], abs=3)
    assert centre_pixel(path, one_colour(90, mode="L")) == pytest.approx([90, 90, 90], abs=2)
    luma = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert centre_pixel(path, one_colour((200, 100, 50)), GREY) == pytest.approx([luma], abs=3)


def test_cmyk_jpeg_is_converted_to_rgb(tmp_path: Path) -> None:
    cyan = one_colour((255, 0, 0, 0), mode="CMYK")
    assert centre_pixel(tmp_path / "a.jpg", cyan) == pytest.approx([0, 255, 255], abs=3)


def test_palette_png_is_converted_to_rgb(tmp_path: Path) -> None:
    image = one_colour((10, 200, 30)).quantize(4)
    assert image.mode == "P"
    assert centre_pixel(tmp_path / "a.png", image) == [10, 200, 30]


def test_transparent_palette_colour_becomes_white(tmp_path: Path) -> None:
    image = one_colour((10, 200, 30)).quantize(4)
    index = image.getpixel((0, 0))
    assert centre_pixel(tmp_path / "a.png", image, transparency=index) == [255, 255, 255]


def test_transparent_pixels_become_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert centre_pixel(path, one_colour((0, 0, 0, 0), mode="RGBA")) == [255, 255, 255]
    assert centre_pixel(path, one_colour((200, 0, 0, 255), mode="RGBA")) == [200, 0, 0]
    assert centre_pixel(path, one_colour((100, 0), mode="LA"), GREY) == [255]


def test_sixteen_bit_grey_keeps_its_high_byte(tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((30, 40), 0x8034, np.uint16))
    assert deep.mode == "I;16"
    assert centre_pixel(tmp_path / "a.png", deep, GREY) == [0x80]
    assert centre_pixel(tmp_path / "a.png", deep) == [0x80] * 3


def test_one_bit_png_becomes_black_and_white(tmp_path: Path) -> None:
    assert centre_pixel(tmp_path / "a.png", one_colour(1, mode="1"), GREY) == [255]


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    """Orientation 6 means: turn clockwise. Stored with red on the left, the image is shown with red above blue."""
    image = one_colour((255, 0, 0), (40, 40))
    image.paste((0, 0, 255), (20, 0, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    image.save(path, exif=exif, quality=95)
    pixels = decode.read_image(path, RGB)
    assert pixels[:, 3, 10].tolist() == pytest.approx([255, 0, 0], abs=12)
    assert pixels[:, 17, 10].tolist() == pytest.approx([0, 0, 255], abs=12)


def test_shorter_side_is_scaled_and_the_centre_cropped(tmp_path: Path) -> None:
    """60x20 in a frame of 10x10 is scaled to 30x10, and columns 10 to 19 (20 to 39 of the file) are kept."""
    image = one_colour((0, 0, 0), (60, 20))
    image.paste((255, 255, 255), (20, 0, 40, 20))
    image.save(tmp_path / "a.png")
    pixels = decode.read_image(tmp_path / "a.png", Frame(3, 10, 10))
    assert pixels[:, :, 1:-1].min() == 255
    wide = decode.read_image(tmp_path / "a.png", Frame(3, 10, 30))
    assert wide[0, 5, 4] == 0
    assert wide[0, 5, 15] == 255


def test_image_smaller_than_the_frame_is_enlarged(tmp_path: Path) -> None:
    one_colour((7, 7, 7), (1, 3)).save(tmp_path / "a.png")
    assert decode.read_image(tmp_path / "a.png", RGB)[0].tolist() == [[7] * 20] * 20


def test_reduced_decoding_of_a_large_jpeg_shifts_nothing(tmp_path: Path) -> None:
    """A large JPEG is decoded at an eighth of its size, which must not shift a smooth image."""
    slope = np.tile(np.linspace(0, 255, 800), (800, 1)).astype(np.uint8)
    whole = Image.fromarray(slope)
    whole.save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(whole.resize((20, 20), Image.Resampling.BILINEAR), np.float64)
    assert decode.read_image(tmp_path / "a.jpg", GREY)[0] == pytest.approx(expected, abs=4)


def test_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    first, second = one_colour((255, 0, 0)), one_colour((0, 255, 0))
    assert centre_pixel(tmp_path / "a.png", first, save_all=True, append_images=[second]) == [255, 0, 0]


def jpeg_bytes() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(buffer, "jpeg")
    return buffer.getvalue()


def gif_bytes() -> bytes:
    buffer = io.BytesIO()
    one_colour((1, 2, 3)).save(buffer, "gif")
    return buffer.getvalue()


def damaged_png_bytes() -> bytes:
    buffer = io.BytesIO()
    one_colour((1, 2, 3)).save(buffer, "png")
    data = bytearray(buffer.getvalue())
    data[-20] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello, world", "its content is neither JPEG nor PNG$"),
        (gif_bytes(), "its content is neither JPEG nor PNG$"),
        (jpeg_bytes()[: len(jpeg_bytes()) // 2], "truncated"),
        (jpeg_bytes()[:30], "(?i)truncated"),
        (damaged_png_bytes(), "broken"),
    ],
    ids=["empty", "text", "gif", "first half", "first bytes", "damaged chunk"],
)
def test_broken_file_is_unreadable_with_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=reason) as caught:
        decode.read_image(path, RGB)
    assert caught.value.path == str(path)
    assert caught.value.reason


def test_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no longer there"):
        decode.read_image(tmp_path / "a.jpg", RGB)


def test_dangling_link_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("b.jpg")
    with pytest.raises(Unreadable, match="a link to a file that is not there"):
        decode.read_image(tmp_path / "a.jpg", RGB)


def test_too_many_pixels_are_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_colour((1, 2, 3), (40, 30)).save(tmp_path / "a.png")
    monkeypatch.setattr(decode, "MAX_PIXELS", 1199)
    with pytest.raises(Unreadable, match="40 x 30 pixels are too many"):
        decode.read_image(tmp_path / "a.png", RGB)
    monkeypatch.setattr(decode, "MAX_PIXELS", 1200)
    assert decode.read_image(tmp_path / "a.png", RGB).shape == (3, 20, 20)


def test_long_and_narrow_images_are_not_scaled_to_too_many_pixels(tmp_path: Path) -> None:
    """The limit is at 4,473,924 columns of 20 pixels; 223,697 columns of one pixel become 20 times as many."""
    one_colour((1, 2, 3), (223_697, 1)).save(tmp_path / "a.png")
    with pytest.raises(Unreadable, match="scaled to 4473940 x 20 pixels, which are too many"):
        decode.read_image(tmp_path / "a.png", RGB)
    one_colour((1, 2, 3), (1, 2000)).save(tmp_path / "a.png")
    assert decode.read_image(tmp_path / "a.png", RGB).shape == (3, 20, 20)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 20_000, 2**31 - 1])
def test_decompression_bomb_is_unreadable(tmp_path: Path, side: int) -> None:
    """A file of 45 bytes whose header claims a gigantic size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((13, header), (0, b"IDAT"))
    content = b"".join(struct.pack(">I", n) + body + struct.pack(">I", zlib.crc32(body)) for n, body in chunks)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    with pytest.raises(Unreadable, match="too many"):
        decode.read_image(tmp_path / "a.png", RGB)
