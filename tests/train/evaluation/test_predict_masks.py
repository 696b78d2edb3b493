"""``netspec predict`` with dense networks: the masks of whole images, and the files that they are written to.

The network's scores are 0 and the brightness of a pixel less a half, so that its masks are known.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from bright_network import bright_network
from numpy.typing import NDArray
from PIL import Image
from processes import invoke
from safetensors.torch import save_file

from netspec.train.evaluation.masks.png import voc_colours


def network(folder: Path, kernel: int = 1, pad: int = 0) -> tuple[str, ...]:
    """Write the network and its weights, and return the arguments that name them."""
    spec, weights = bright_network(folder, kernel, pad)
    (folder / "names.txt").write_text("dark\nbright\n")
    return spec, "--weights", str(weights), "--classes", str(folder / "names.txt")


def blotches(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).choice(np.array([0, 255], np.uint8), (height, width))


def saved(path: Path, pixels: NDArray[np.uint8]) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def mask_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        assert image.mode == "P" and image.getpalette()[3:9] == [128, 0, 0, 0, 128, 0]  # type: ignore[index]
        return np.array(image)


@pytest.mark.parametrize(("kernel", "pad"), [(1, 0), (5, 2), (5, 0)])
def test_each_pixel_of_an_image_of_any_width_has_a_class(tmp_path: Path, kernel: int, pad: int) -> None:
    pixels = blotches(12, 31)
    spec, *rest = network(tmp_path / "net", kernel, pad)
    done = invoke("predict", spec, saved(tmp_path / "a.png", pixels), *rest, "-o", tmp_path / "masks" / "new")
    assert (done.exit_code, done.stderr) == (0, f"wrote 1 mask: {tmp_path}/masks/new\n")
    assert np.array_equal(mask_of(tmp_path / "masks" / "new" / "a.png"), pixels // 255)
    bright = 100 * (pixels // 255).mean()
    name, *rows = done.stdout.splitlines()
    assert name == str(tmp_path / "a.png")
    shares = {row.split()[0]: float(row.split()[1]) for row in rows}
    assert shares == {"bright": pytest.approx(bright, abs=0.06), "dark": pytest.approx(100 - bright, abs=0.06)}


def test_a_large_image_is_scaled_and_its_mask_has_its_size(tmp_path: Path) -> None:
    """Squares of 20 x 20 pixels of one brightness become 4 x 4, so that only their borders are mixed."""
    pixels = blotches(3, 7).repeat(20, 0).repeat(20, 1)
    spec, *rest = network(tmp_path)
    done = invoke(
        "predict", spec, saved(tmp_path / "a.png", pixels), *rest, "-o", tmp_path / "masks", "--format", "json"
    )
    mask = mask_of(tmp_path / "masks" / "a.png")
    inner = np.array([5 <= place % 20 < 15 for place in range(140)])
    assert np.array_equal(mask[inner[:60]][:, inner], (pixels // 255)[inner[:60]][:, inner])
    (image,) = json.loads(done.stdout)["images"]
    assert image["size"] == [60, 140] and image["mask"] == str(tmp_path / "masks" / "a.png")
    assert {one["class"]: one["share"] for one in image["classes"]}["bright"] == pytest.approx(mask.mean())


def test_an_image_turned_by_exif_has_the_mask_of_what_is_displayed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter clockwise
    pixels = np.zeros((12, 24), np.uint8)
    pixels[:, :12] = 255  # left, which is displayed above
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=100)
    spec, *rest = network(tmp_path)
    assert invoke("predict", spec, tmp_path / "a.jpg", *rest, "-o", tmp_path).exit_code == 0
    mask = mask_of(tmp_path / "a.png")
    assert mask.shape == (24, 12) and mask[:12].all() and not mask[12:].any()


def test_files_of_others_are_kept_and_own_ones_replaced(tmp_path: Path) -> None:
    spec, *rest = network(tmp_path)
    image = saved(tmp_path / "a.png", blotches(12, 12))
    refused = invoke("predict", spec, image, *rest, "-o", tmp_path)
    assert refused.exit_code == 2
    assert f"{image} was not written by netspec and stays as it is; -o names another folder" in refused.stderr
    for seed in (1, 2):
        saved(image, blotches(12, 12, seed))
        assert invoke("predict", spec, image, *rest, "-o", tmp_path / "masks").exit_code == 0
        assert np.array_equal(mask_of(tmp_path / "masks" / "a.png"), blotches(12, 12, seed) // 255)


def test_what_cannot_be_done_is_refused(tmp_path: Path, run: Path) -> None:
    spec, *rest = network(tmp_path)
    (tmp_path / "b").mkdir()
    images = [saved(path, blotches(12, 12)) for path in (tmp_path / "a.png", tmp_path / "b" / "a.png")]
    done = invoke("predict", spec, *images, *rest, "-o", tmp_path / "masks")
    assert done.exit_code == 1 and "several images would have a mask of the same name: a.png" in done.stderr
    done = invoke("predict", spec, images[0], *rest, "--views", "10")
    assert done.exit_code == 1 and "views=10 is for networks that give an image one class" in done.stderr
    done = invoke("predict", run, images[0], "-o", tmp_path / "masks")
    assert done.exit_code == 2 and "-o is for masks, and tiny gives an image one class" in done.stderr
    done = invoke("predict", spec, images[0], *rest, "-o", images[0])
    assert done.exit_code == 2 and f"cannot make the folder {images[0]}" in done.stderr


def test_a_single_map_has_no_classes(tmp_path: Path) -> None:
    (tmp_path / "one.net").write_text("[image] input 1x12x12 range=1\n[scores] conv filters=1 kernel=1\n")
    save_file({"scores.weight": torch.ones(1, 1, 1, 1), "scores.bias": torch.zeros(1)}, tmp_path / "one.safetensors")
    image = saved(tmp_path / "a.png", blotches(12, 12))
    spec, weights = tmp_path / "one.net", ("--weights", tmp_path / "one.safetensors")
    for done in (invoke("predict", spec, image, *weights), invoke("eval", spec, *weights, "--data", "synthetic")):
        assert done.exit_code == 1 and "with one class there is nothing to tell it from" in done.stderr


def test_other_images_are_predicted_if_one_cannot_be_read(tmp_path: Path) -> None:
    spec, *rest = network(tmp_path)
    image = saved(tmp_path / "a.png", blotches(12, 12))
    (tmp_path / "b.png").write_bytes(b"")
    done = invoke("predict", spec, tmp_path / "b.png", image, tmp_path / "c.png", *rest, "-o", tmp_path / "masks")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        f"warning: {tmp_path}/b.png cannot be read: the file is empty",
        f"warning: {tmp_path}/c.png cannot be read: there is no such file",
        f"wrote 1 mask: {tmp_path}/masks",
    ]
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["a.png"]


def test_scores_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    spec, *rest = network(tmp_path)
    text = Path(spec).read_text().replace("bias=0", "bias=0 neuron=sqrt")  # of the dark pixels' -0.5
    Path(spec).write_text(text)
    done = invoke("predict", spec, saved(tmp_path / "a.png", blotches(12, 12)), *rest)
    assert done.exit_code == 1 and f"the class scores of {tmp_path}/a.png are not numbers (NaN)" in done.stderr


def test_colours_are_those_of_pascal_voc() -> None:
    """As listed in the development kit: aeroplane, bicycle, tv/monitor, and what is difficult."""
    colours = {1: (128, 0, 0), 2: (0, 128, 0), 8: (64, 0, 0), 20: (0, 64, 128), 255: (224, 224, 192)}
    assert {number: tuple(voc_colours()[number].tolist()) for number in colours} == colours
