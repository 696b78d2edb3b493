"""How generated programs read, scale, crop and normalise images, and skip unreadable ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from programs import RunHere, load_program, write_program
from small_network import small_graph

import netspec
from netspec.train.data.sources.decode import read_image
from netspec.train.data.splits import Frame, Unreadable


def test_images_are_scaled_cropped_rotated_and_reordered(tmp_path: Path) -> None:
    """The left two thirds of an image with a red, a green and a blue third; BGR reverses the channels."""
    image = Image.new("RGB", (36, 12))
    for i, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        image.paste(colour, (12 * i, 0, 12 * i + 12, 12))
    image.crop((0, 0, 24, 12)).resize((48, 24)).save(tmp_path / "left.png")
    program = load_program(small_graph(), tmp_path)
    pixels = program.read(tmp_path / "left.png")
    assert (pixels.shape, pixels.dtype) == ((3, 12, 12), torch.uint8)
    assert pixels[:, 6, 0].tolist() == [255, 0, 0]
    assert pixels[:, 6, 11].tolist() == [0, 255, 0]

    exif = Image.Exif()
    exif[0x0112] = 3  # rotated by 180 degrees
    image.crop((0, 0, 24, 12)).resize((48, 24)).save(tmp_path / "turned.png", exif=exif)
    assert program.read(tmp_path / "turned.png")[:, 6, 0].tolist() == [0, 255, 0]

    graph = small_graph()
    bgr = replace(graph, preprocessing=replace(graph.preprocessing, order="bgr"))
    assert load_program(bgr, tmp_path).read(tmp_path / "left.png")[:, 6, 0].tolist() == [0, 0, 255]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_images_that_are_too_large_are_refused_as_by_the_trainer(tmp_path: Path) -> None:
    read = load_program(small_graph(), tmp_path).read
    path = tmp_path / "a.png"
    for size, reason in ((800_000, 1), "9600000 x 12 pixels, which are too many"), ((9460, 9460), "9460 x 9460 pixels"):
        Image.new("1", size).save(path)
        with pytest.raises(ValueError, match=reason):
            read(path)
        with pytest.raises(Unreadable, match=reason):
            read_image(path, Frame(3, 12, 12))


def test_mean_and_colour_components_are_of_the_training_images(images: Path, tmp_path: Path) -> None:
    graph = small_graph(mean="image", augment="crop=12 from=14 colour=pca(0.1)")
    program = load_program(graph, tmp_path)
    folder = program.Folder(images, 4, 0, 2)
    stack = torch.stack([program.read(path).double() / 255 for path, _ in folder.images])
    torch.testing.assert_close(folder.mean.double(), stack.mean(0), rtol=1e-5, atol=1e-6)
    covariance = torch.cov(stack.transpose(0, 1).flatten(1), correction=0)
    components = folder.components.double()
    torch.testing.assert_close(components @ components.T, covariance, rtol=1e-4, atol=1e-6)


def test_channels_are_divided_by_measured_or_given_deviations(images: Path, tmp_path: Path) -> None:
    program = load_program(small_graph(mean="channel std=channel"), tmp_path)
    folder = program.Folder(images, 4, 0, 2)
    stack = torch.stack([program.read(path).double() / 255 for path, _ in folder.images])
    deviations = stack.transpose(0, 1).flatten(1).std(1, correction=0)[:, None, None]
    torch.testing.assert_close(folder.std.double(), deviations, rtol=1e-5, atol=1e-6)
    path = folder.images[0][0]
    expected = ((stack[0] - stack.mean((0, 2, 3))[:, None, None]) / deviations)[None]
    torch.testing.assert_close(folder.viewed(path, 1).double(), expected, rtol=1e-4, atol=1e-5)

    with_numbers = load_program(small_graph(mean="0.485,0.456,0.406 std=0.229,0.224,0.225"), tmp_path)
    pixels = with_numbers.read(path).float() * (1 / 255)
    expected = (pixels - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    assert torch.equal(with_numbers.Folder(images, 4, 0, 2).viewed(path, 1), expected[None])


@pytest.fixture
def coloured(images: Path) -> Path:
    """An image of random pixels."""
    path = images / "ash" / "coloured.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (14, 14, 3), np.uint8)).save(path)
    return path


def test_ten_views_are_five_crops_and_their_mirror_images(images: Path, coloured: Path, tmp_path: Path) -> None:
    program = load_program(small_graph(augment="crop=12 from=14", views=10), tmp_path)
    folder = program.Folder(images, 4, 0, 1)
    pixels = folder.pixels(coloured)
    views = folder.viewed(coloured, 10)
    assert views.shape == (10, 3, 12, 12)
    assert torch.equal(views[0], pixels[:, :12, :12])
    assert torch.equal(views[3], pixels[:, 2:14, 2:14])
    assert torch.equal(views[4], pixels[:, 1:13, 1:13])
    assert torch.equal(views[6], pixels[:, :12, 2:14].flip(2))
    assert torch.equal(folder.viewed(coloured, 1), views[4:5])


def test_ten_views_of_uncropped_images_are_two(images: Path, coloured: Path, tmp_path: Path) -> None:
    program = load_program(small_graph(views=10), tmp_path)
    folder = program.Folder(images, 4, 0, 1)
    pixels = folder.pixels(coloured)
    assert torch.equal(folder.viewed(coloured, 10), torch.stack([pixels, pixels.flip(2)]))
    assert torch.equal(folder.viewed(coloured, 1), pixels[None])


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_every_format_are_read_as_by_the_trainer(channels: int, tmp_path: Path) -> None:
    graph = netspec.loads(f"[image] input {channels}x12x12\n[fc] fc outputs=3\n[prob] softmax\n").graph
    program = load_program(graph, tmp_path)
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (90, 120, 4), np.uint8), "RGBA")
    deep = Image.fromarray(rng.integers(0, 2**16, (90, 120), np.uint16))
    grey = Image.fromarray(rng.integers(0, 256, (90, 120), np.uint8))
    rotated = Image.Exif()
    rotated[0x0112] = 6
    colours.save(tmp_path / "clear.png", exif=rotated)
    colours.convert("LA").save(tmp_path / "clear-grey.png")
    colours.convert("RGB").quantize(8).save(tmp_path / "palette.png", transparency=3)
    colours.convert("RGB").save(tmp_path / "large.jpg", exif=rotated)
    colours.convert("CMYK").save(tmp_path / "cmyk.jpg")
    deep.save(tmp_path / "deep.png")
    grey.save(tmp_path / "grey.png")
    files = sorted({*tmp_path.glob("*.png"), *tmp_path.glob("*.jpg")})
    assert len(files) == 7
    for path in files:
        expected = torch.tensor(read_image(path, Frame(channels, 12, 12)))
        assert torch.equal(program.read(path), expected), path.name


def test_unreadable_images_are_named_skipped_and_counted(images: Path, tmp_path: Path, run_here: RunHere) -> None:
    (images / "ash" / "0.jpg").write_bytes(b"no image")
    truncated = images / "birch" / "4.jpg"
    truncated.write_bytes(truncated.read_bytes()[:200])
    result = run_here(write_program(small_graph(mean="image"), tmp_path), "--data", images, "--epochs", "2")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("skipped ") == 2
    assert f"skipped {images / 'ash' / '0.jpg'}: " in result.stderr
    assert f"skipped {truncated}: " in result.stderr
    assert "\n2 images could not be read and were skipped\n" in result.stdout


def test_only_the_last_validation_batch_is_partial(images: Path, tmp_path: Path) -> None:
    program = load_program(small_graph(), tmp_path)
    folder = program.Folder(images, 4, 0, 2)
    for path, _ in (*folder.images[:7], *folder.held_out[:1]):
        path.write_bytes(b"no image")
    readable, validation = len(folder.images) - 7, len(folder.held_out) - 1
    assert readable % 4 and validation % 4
    assert folder.steps == len(folder.images) // 4
    assert [len(labels) for _, labels in folder.training(0)] == [4] * (readable // 4)
    assert folder.steps == readable // 4
    assert [len(labels) for _, labels in folder.validation(1)] == [4] * (validation // 4) + [validation % 4]
