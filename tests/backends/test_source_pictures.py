"""The pictures of a generated program: read, scaled, cut, coloured and counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from little import little
from PIL import Image
from programs import Here, imported, written

import netspec
from netspec.train.data.picture import Frame
from netspec.train.data.sources.decode import read_image


def test_images_are_scaled_cut_ordered_and_upright(tmp_path: Path) -> None:
    """A wide image with a red, a green and a blue third: the middle is green. BGR turns the colours round."""
    image = Image.new("RGB", (36, 12))
    for i, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        image.paste(colour, (12 * i, 0, 12 * i + 12, 12))
    image.crop((0, 0, 24, 12)).resize((48, 24)).save(tmp_path / "left.png")
    program = imported(written(little(), tmp_path))
    pixels = program.read(tmp_path / "left.png")
    assert (pixels.shape, pixels.dtype) == ((3, 12, 12), torch.uint8)
    assert pixels[:, 6, 0].tolist() == [255, 0, 0]
    assert pixels[:, 6, 11].tolist() == [0, 255, 0]

    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    image.crop((0, 0, 24, 12)).resize((48, 24)).save(tmp_path / "turned.png", exif=exif)
    assert program.read(tmp_path / "turned.png")[:, 6, 0].tolist() == [0, 255, 0]

    graph = little()
    bgr = replace(graph, preprocessing=replace(graph.preprocessing, order="bgr"))
    assert imported(written(bgr, tmp_path)).read(tmp_path / "left.png")[:, 6, 0].tolist() == [0, 0, 255]


def test_the_mean_and_the_colours_axes_are_the_training_images(images: Path, tmp_path: Path) -> None:
    graph = little(mean="image", augment="crop=12 from=14 colour=pca(0.1)")
    program = imported(written(graph, tmp_path))
    folder = program.Folder(images, 4, 0, 2)
    stack = torch.stack([program.read(path).double() / 255 for path, _ in folder.images])
    torch.testing.assert_close(folder.mean.double(), stack.mean(0), rtol=1e-5, atol=1e-6)
    covariance = torch.cov(stack.transpose(0, 1).flatten(1), correction=0)
    found = folder.components.double()
    torch.testing.assert_close(found @ found.T, covariance, rtol=1e-4, atol=1e-6)


def test_each_channel_is_divided_by_its_deviation_or_by_a_number(images: Path, tmp_path: Path) -> None:
    program = imported(written(little(mean="channel std=channel"), tmp_path))
    folder = program.Folder(images, 4, 0, 2)
    stack = torch.stack([program.read(path).double() / 255 for path, _ in folder.images])
    deviations = stack.transpose(0, 1).flatten(1).std(1, correction=0)[:, None, None]
    torch.testing.assert_close(folder.std.double(), deviations, rtol=1e-5, atol=1e-6)
    path = folder.images[0][0]
    wanted = ((stack[0] - stack.mean((0, 2, 3))[:, None, None]) / deviations)[None]
    torch.testing.assert_close(folder.viewed(path, 1).double(), wanted, rtol=1e-4, atol=1e-5)

    given = imported(written(little(mean="0.485,0.456,0.406 std=0.229,0.224,0.225"), tmp_path))
    pixels = given.read(path).float() * (1 / 255)
    wanted = (pixels - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    assert torch.equal(given.Folder(images, 4, 0, 2).viewed(path, 1), wanted[None])


@pytest.fixture
def coloured(images: Path) -> Path:
    """An image of which no two pixels are alike."""
    path = images / "ash" / "coloured.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (14, 14, 3), np.uint8)).save(path)
    return path


def test_ten_views_are_five_places_and_their_mirror_images(images: Path, coloured: Path, tmp_path: Path) -> None:
    program = imported(written(little(augment="crop=12 from=14", views=10), tmp_path))
    folder = program.Folder(images, 4, 0, 1)
    pixels = folder.pixels(coloured)
    views = folder.viewed(coloured, 10)
    assert views.shape == (10, 3, 12, 12)
    assert torch.equal(views[0], pixels[:, :12, :12])
    assert torch.equal(views[3], pixels[:, 2:14, 2:14])
    assert torch.equal(views[4], pixels[:, 1:13, 1:13])
    assert torch.equal(views[6], pixels[:, :12, 2:14].flip(2))
    assert torch.equal(folder.viewed(coloured, 1), views[4:5])


def test_ten_views_without_room_for_crops_are_two(images: Path, coloured: Path, tmp_path: Path) -> None:
    program = imported(written(little(views=10), tmp_path))
    folder = program.Folder(images, 4, 0, 1)
    pixels = folder.pixels(coloured)
    assert torch.equal(folder.viewed(coloured, 10), torch.stack([pixels, pixels.flip(2)]))
    assert torch.equal(folder.viewed(coloured, 1), pixels[None])


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_every_kind_are_read_as_the_trainer_reads_them(channels: int, tmp_path: Path) -> None:
    graph = netspec.loads(f"[image] input {channels}x12x12\n[fc] fc outputs=3\n[prob] softmax\n").graph
    program = imported(written(graph, tmp_path))
    chance = np.random.default_rng(0)
    colours = Image.fromarray(chance.integers(0, 256, (90, 120, 4), np.uint8), "RGBA")
    deep = Image.fromarray(chance.integers(0, 2**16, (90, 120), np.uint16))
    grey = Image.fromarray(chance.integers(0, 256, (90, 120), np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    colours.save(tmp_path / "clear.png", exif=turned)
    colours.convert("LA").save(tmp_path / "clear-grey.png")
    colours.convert("RGB").quantize(8).save(tmp_path / "palette.png", transparency=3)
    colours.convert("RGB").save(tmp_path / "large.jpg", exif=turned)
    colours.convert("CMYK").save(tmp_path / "cmyk.jpg")
    deep.save(tmp_path / "deep.png")
    grey.save(tmp_path / "grey.png")
    files = sorted({*tmp_path.glob("*.png"), *tmp_path.glob("*.jpg")})
    assert len(files) == 7
    for path in files:
        wanted = torch.tensor(read_image(path, Frame(channels, 12, 12)))
        assert torch.equal(program.read(path), wanted), path.name


def test_unreadable_images_are_named_skipped_and_counted(images: Path, tmp_path: Path, here: Here) -> None:
    (images / "ash" / "0.jpg").write_bytes(b"no picture")
    cut = images / "birch" / "4.jpg"
    cut.write_bytes(cut.read_bytes()[:200])
    done = here(written(little(mean="image"), tmp_path), "--data", images, "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped ") == 2
    assert f"skipped {images / 'ash' / '0.jpg'}: " in done.stderr
    assert f"skipped {cut}: " in done.stderr
    assert "\n2 images could not be read and were skipped\n" in done.stdout


def test_training_batches_are_full_and_the_last_one_for_validation_has_the_rest(images: Path, tmp_path: Path) -> None:
    program = imported(written(little(), tmp_path))
    folder = program.Folder(images, 4, 0, 2)
    for path, _ in (*folder.images[:7], *folder.held_out[:1]):
        path.write_bytes(b"no picture")
    readable, held = len(folder.images) - 7, len(folder.held_out) - 1
    assert readable % 4 and held % 4
    assert folder.steps == len(folder.images) // 4
    assert [len(labels) for _, labels in folder.training(0)] == [4] * (readable // 4)
    assert folder.steps == readable // 4
    assert [len(labels) for _, labels in folder.validation(1)] == [4] * (held // 4) + [held % 4]
