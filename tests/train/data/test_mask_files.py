"""Reading masks: modes and bits of PNG, sizes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mask_files import grey_png, mask_png
from PIL import Image

from netspec.train.data.cut import Cut, nearest
from netspec.train.data.sources.decode import covering, displayed_size
from netspec.train.data.sources.masks import reading
from netspec.train.data.sources.masks.folder import read_pair
from netspec.train.data.sources.masks.reading import read_mask
from netspec.train.data.splits import Frame, Unreadable

MASK = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 0, 255]], np.uint8)


@pytest.mark.parametrize("mode", ["P", "L"])
def test_the_numbers_of_a_mask_are_its_classes_whatever_the_palette(tmp_path: Path, mode: str) -> None:
    assert np.array_equal(read_mask(mask_png(tmp_path / "m.png", MASK, mode), (3, 4)), MASK)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_levels_of_few_bits_are_classes_and_not_scaled_to_255(tmp_path: Path, bits: int) -> None:
    mask = (np.arange(30, dtype=np.uint8) % 2**bits).reshape(3, 10)
    assert np.array_equal(read_mask(grey_png(tmp_path / "m.png", mask, bits), (3, 10)), mask)


def test_a_mask_of_one_bit_has_the_classes_0_and_1(tmp_path: Path) -> None:
    mask = MASK % 2
    assert np.array_equal(read_mask(mask_png(tmp_path / "m.png", mask, "1"), (3, 4)), mask)


def test_a_palette_of_few_bits_is_read_as_its_numbers(tmp_path: Path) -> None:
    image = Image.fromarray(MASK[:2], "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    image.save(tmp_path / "m.png", bits=2)
    assert (tmp_path / "m.png").read_bytes()[24] == 2  # bits per sample, in the header
    assert np.array_equal(read_mask(tmp_path / "m.png", (2, 4)), MASK[:2])


def _refused(path: Path, size: tuple[int, int] = (3, 4)) -> str:
    with pytest.raises(Unreadable) as caught:
        read_mask(path, size)
    assert caught.value.path == str(path)
    return caught.value.reason


NUMBERS = "save it as a PNG whose pixels are the numbers of classes (a palette image, or grey levels of 8 bits)"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("RGB", "the mask has colours, not class numbers"),
        ("RGBA", "the mask has colours, not class numbers"),
        ("LA", "the mask has transparent parts beside the grey levels"),
        ("I;16", "the mask has 16 bits per pixel"),
    ],
)
def test_a_mask_without_class_numbers_is_refused(tmp_path: Path, mode: str, reason: str) -> None:
    Image.new(mode, (4, 3)).save(tmp_path / "m.png")
    colours = ", or give each class its colour in classes.txt: road 128 64 128" if "colours" in reason else ""
    assert _refused(tmp_path / "m.png") == f"{reason}; {NUMBERS}{colours}"


def test_a_grey_mask_of_three_channels_is_refused_as_such(tmp_path: Path) -> None:
    Image.fromarray(MASK).convert("RGB").save(tmp_path / "m.png")
    assert _refused(tmp_path / "m.png") == (
        f"the mask has the same number three times in each pixel (RGB), for red, green and blue; {NUMBERS}"
    )


def test_a_jpeg_is_no_mask_whatever_its_name(tmp_path: Path) -> None:
    Image.fromarray(MASK).save(tmp_path / "m.png", format="JPEG")
    reason = _refused(tmp_path / "m.png")
    assert reason == f"the mask is a JPEG image, whose compression changes class numbers; {NUMBERS}"


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    path = mask_png(tmp_path / "m.png", MASK)
    assert _refused(path, (3, 5)) == "the mask is 4 x 3 pixels, its image 5 x 3"
    turned = "the mask is 4 x 3 pixels, its image 3 x 4: the image is turned by its EXIF orientation, the mask is not"
    assert _refused(path, (4, 3)) == turned


def test_files_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mask_png(tmp_path / "m.png", np.tile(MASK, (20, 20))).read_bytes()
    for content, reason in ((b"", "the file is empty"), (b"no image", "its content is neither JPEG nor PNG")):
        (tmp_path / "n.png").write_bytes(content)
        assert _refused(tmp_path / "n.png") == reason
    (tmp_path / "n.png").write_bytes(whole[: len(whole) // 2])
    assert "Truncated" in _refused(tmp_path / "n.png")
    assert _refused(tmp_path / "absent.png") == "the file is no longer there"
    monkeypatch.setattr(reading, "MAX_PIXELS", MASK.size)
    assert read_mask(mask_png(tmp_path / "m.png", MASK), (3, 4)).shape == (3, 4)
    monkeypatch.setattr(reading, "MAX_PIXELS", MASK.size - 1)
    assert _refused(tmp_path / "m.png") == "4 x 3 pixels are too many to decode safely"


def test_an_image_turned_by_exif_has_the_mask_of_what_is_displayed(tmp_path: Path) -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15] = 255  # the left half is white; turned by orientation 6, a quarter clockwise, the upper half
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "i.jpg", exif=exif)
    mask = np.zeros((30, 20), np.uint8)
    mask[:15] = 1
    assert displayed_size(tmp_path / "i.jpg", "i") == (30, 20)
    both = read_pair(tmp_path / "i.jpg", mask_png(tmp_path / "m.png", mask), Frame(1, 30, 20))
    assert np.array_equal(both[0] > 128, both[1] == 1)


def test_image_and_mask_are_scaled_and_cropped_alike(tmp_path: Path) -> None:
    """White where the mask is 1, in a JPEG file so large that it is decoded at an eighth of its size."""
    mask = np.zeros((400, 640), np.uint8)
    mask[160:320, 200:420] = 1
    Image.fromarray(mask * 255).save(tmp_path / "i.jpg", quality=95)
    both = read_pair(tmp_path / "i.jpg", mask_png(tmp_path / "m.png", mask), Frame(1, 20, 20))
    assert both.shape == (2, 20, 20) and both.dtype == np.uint8
    # 640 x 400 becomes 32 x 20; its middle 20 columns begin at column 6. 200 / 20 = 10, and 10 - 6 = 4.
    expected = np.zeros((20, 20), np.uint8)
    expected[8:16, 4:15] = 1
    assert np.array_equal(both[1], expected)
    assert np.array_equal(both[0] > 128, both[1] == 1)


def test_nearest_by_hand() -> None:
    """Centres of 3 pixels in 5: 5/6, 15/6 and 25/6, in pixels 0, 2 and 4. Of the middle 4 of 6, in a mask of 3 pixels:
    from 1 in steps of 2, centres 2 and 4 in an image of 6, which are 1 and 2 in the mask."""
    line = np.arange(5, dtype=np.uint8)[None]
    assert nearest(line, Cut(0, 0, 1, 5), (1, 5), (1, 3)).tolist() == [[0, 2, 4]]
    assert nearest(line[:, :3], Cut(0, 1, 1, 4), (1, 6), (1, 2)).tolist() == [[1, 2]]
    assert nearest(line, Cut(0, 0, 1, 5), (1, 5), (2, 10)).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]] * 2


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_nearest_is_that_of_torch(height: int, width: int, rows: int, columns: int) -> None:
    """``nearest-exact`` multiplies in float32, so centres on the edge of two pixels may fall into either."""
    import torch

    mask = (np.arange(height * width) % 251).astype(np.uint8).reshape(height, width)
    own = nearest(mask, Cut(0, 0, height, width), (height, width), (rows, columns))
    as_floats = torch.from_numpy(mask)[None, None].float()
    theirs = torch.nn.functional.interpolate(as_floats, (rows, columns), mode="nearest-exact")[0, 0]
    on_edge = [
        np.array([(2 * i + 1) * size % (2 * count) == 0 for i in range(count)])
        for size, count in ((height, rows), (width, columns))
    ]
    differs = own != theirs.numpy()
    assert not differs[~on_edge[0]][:, ~on_edge[1]].any()


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 100), st.integers(1, 100))
def test_what_is_stored_lies_in_the_image(height: int, width: int, rows: int, columns: int) -> None:
    cut = covering(height, width, Frame(3, rows, columns))
    assert cut.scaled is not None
    assert 0 <= cut.top <= cut.scaled[0] - rows and 0 <= cut.left <= cut.scaled[1] - columns
    assert min(cut.scaled[0] - rows, cut.scaled[1] - columns) == 0
