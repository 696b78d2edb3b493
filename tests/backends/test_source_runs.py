"""Generated programs as their users run them: in processes that cannot import netspec, on made-up and real files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from building import Builder
from PIL import Image
from programs import BLOCKED, Ended, Here, imported, network, run, written

import netspec
from netspec.ir.graph import Graph
from netspec.ir.ops import Linear, Relu
from netspec.train.data.folder import held_out

SPEC = """
net little
[image] input 3x12x12 range=1 mean={mean}
[conv1] conv filters=8 kernel=3 stride=2 rounding=down neuron=relu
[drop] dropout rate=0.1
[fc] fc outputs=3
[prob] softmax
train epochs=2 batch=4 optimizer=sgd(lr=0.02, momentum=0.9) schedule={schedule}
augment {augment}
test views={views}
"""


def little(
    mean: str = "none",
    augment: str = "flip=horizontal",
    views: int = 1,
    schedule: str = "constant",
) -> Graph:
    return netspec.loads(SPEC.format(mean=mean, augment=augment, views=views, schedule=schedule)).graph


def paint(folder: Path, images: int = 12, size: tuple[int, int] = (20, 16)) -> Path:
    """Three classes of images of a colour each, in files of several kinds."""
    for number, name in enumerate(("ash", "birch", "cedar")):
        (folder / name).mkdir(parents=True)
        for i in range(images):
            colour = [40 + 5 * i, 40, 40]
            colour[number] = 220 - 3 * i
            mode, kind = (("RGB", "jpg"), ("RGB", "png"), ("P", "png"), ("RGBA", "png"))[i % 4]
            Image.new("RGB", size, tuple(colour)).convert(mode).save(folder / name / f"{i}.{kind}")
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    before = torch.get_num_threads()
    yield Here(monkeypatch, capsys)
    torch.set_num_threads(before)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return paint(tmp_path / "images")


def losses(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"^step .* loss ([\d.]+)", text, re.MULTILINE)]


def test_the_block_blocks(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("import netspec")
    done = run(path)
    assert done.returncode == 1
    assert "netspec is blocked" in done.stderr


def test_on_made_up_pictures_the_loss_goes_down(tmp_path: Path) -> None:
    path = written(little(), tmp_path)
    done = run(path, "--synthetic", "--steps", "60", "--batch", "16", blocked=(*BLOCKED, "PIL"))
    assert (done.returncode, done.stderr) == (0, "")
    assert losses(done.stdout)[-1] < 0.3 * losses(done.stdout)[0]
    assert re.search(
        r"^epoch 2: validation loss [\d.]+, top-1 \d+\.\d\d %, top-5 100\.00 %$", done.stdout, re.MULTILINE
    )


def test_the_shipped_tiny_alexnet_runs(tmp_path: Path) -> None:
    path = written(netspec.load(Path(__file__).parents[2] / "specs" / "alexnet-tiny.net").graph, tmp_path)
    done = run(path, "--synthetic", "--steps", "2", "--batch", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(losses(done.stdout)) == 2


def test_runs_are_repeatable_and_weights_are_written(tmp_path: Path) -> None:
    path, out = written(little(), tmp_path), tmp_path / "weights.pt"
    first = run(path, "--synthetic", "--steps", "3", "--seed", "4", "--out", out)
    assert first.returncode == 0, first.stderr
    state = torch.load(out, weights_only=True)
    out.unlink()
    assert run(path, "--synthetic", "--steps", "3", "--seed", "4", "--out", out).returncode == 0
    again = torch.load(out, weights_only=True)
    assert all(torch.equal(again[key], state[key]) for key in state)
    assert not list(tmp_path.glob("*.part"))
    model = network(imported(path))()
    model.load_state_dict(state)


@pytest.mark.parametrize(
    "graph",
    [
        little(),
        little(mean="image", augment="crop=12 from=14 flip=horizontal colour=pca(0.1)", views=10),
        little(mean="channel", augment="crop=12 from=16", schedule="step(every=1, factor=0.5)"),
        little(augment="colour=pca(0.1)", schedule="plateau(factor=0.1, times=1)"),
    ],
    ids=["plain", "everything", "channel-mean", "colour-only"],
)
def test_on_a_folder_of_images(graph: Graph, images: Path, tmp_path: Path, here: Here) -> None:
    done = here(written(graph, tmp_path), "--data", images, "--epochs", "6", "--batch", "8", "--seed", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert losses(done.stdout)[-1] < losses(done.stdout)[0]
    held = sum(held_out(f"{path.parent.name}/{path.name}") for path in images.rglob("*.*"))
    assert 0 < held < 12
    assert f"{36 - held} training images, {held} for validation; " in done.stdout
    assert done.stdout.count(": validation loss") == 6
    assert ("ten views: loss" in done.stdout) == (graph.test.views == 10)


def test_a_val_folder_is_what_is_validated_on(images: Path, tmp_path: Path, here: Here) -> None:
    folder = tmp_path / "divided"
    shutil.copytree(images, folder / "train")
    paint(folder / "val", images=2)
    done = here(written(little(), tmp_path), "--data", folder, "--steps", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "36 training images, 6 for validation; an epoch is 9 steps and leaves 0 images out" in done.stdout


def test_unreadable_images_are_named_skipped_and_counted(images: Path, tmp_path: Path) -> None:
    (images / "ash" / "0.jpg").write_bytes(b"no picture")
    cut = images / "birch" / "4.jpg"
    cut.write_bytes(cut.read_bytes()[:200])
    done = run(written(little(mean="image"), tmp_path), "--data", images, "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped ") == 2
    assert f"skipped {images / 'ash' / '0.jpg'}: " in done.stderr
    assert f"skipped {cut}: " in done.stderr
    assert "\n2 images could not be read and were skipped\n" in done.stdout


def test_only_unreadable_images_are_an_error(images: Path, tmp_path: Path, here: Here) -> None:
    for path in images.rglob("*.*"):
        path.write_bytes(b"no picture")
    for mean in ("none", "image"):
        done = here(written(little(mean=mean), tmp_path), "--data", images, "--steps", "1")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == "error: none of the training images can be read"


def refused(done: Ended, code: int, complaint: str) -> None:
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert complaint in done.stderr


def test_another_number_of_classes_says_both_numbers(images: Path, tmp_path: Path, here: Here) -> None:
    (images / "dogwood").mkdir()
    done = here(written(little(), tmp_path), "--data", images)
    refused(done, 1, f"error: {images} has 4 class folders, the network has 3 outputs\n")


def test_what_is_wrong_with_the_data_is_said(images: Path, tmp_path: Path, here: Here) -> None:
    path = written(little(), tmp_path)
    refused(here(path, "--data", tmp_path / "missing"), 1, f"error: {tmp_path / 'missing'} has 0 class folders")
    refused(here(path, "--data", images, "--batch", "99"), 1, "fewer than a batch of 99: see --batch")
    folder = tmp_path / "divided"
    shutil.copytree(images, folder / "train")
    (folder / "val" / "dogwood").mkdir(parents=True)
    refused(here(path, "--data", folder), 1, f"{folder / 'val'} has classes that {folder / 'train'} has not: dogwood")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "one of the arguments --data --synthetic is required"),
        (("--data", "x", "--synthetic"), "not allowed with argument --data"),
        (("--synthetic", "--steps", "0"), "0 is less than 1"),
        (("--synthetic", "--batch", "many"), "invalid positive value: 'many'"),
        (("--synthetic", "--device", "abacus"), "--device abacus: "),
        (("--synthetic", "--out", "/no-such-folder/w.pt"), "/no-such-folder is no folder"),
    ],
    ids=["no data", "both", "no steps", "no number", "no device", "no folder"],
)
def test_a_wrong_command_line(arguments: tuple[str, ...], complaint: str, tmp_path: Path, here: Here) -> None:
    refused(here(written(little(), tmp_path), *arguments), 2, complaint)


def test_a_net_of_vectors_takes_only_made_up_ones(tmp_path: Path, here: Here) -> None:
    builder = Builder("vectors")
    builder.add("out", Linear(4), builder.add("relu", Relu(), builder.add("in", Linear(6), builder.input(5))))
    graph = builder.graph()
    path = written(replace(graph, train=replace(graph.train, batch=8)), tmp_path)
    refused(here(path, "--data", tmp_path), 2, "the network reads 5, not images in grey or three colours")
    assert here(path, "--synthetic", "--steps", "2").returncode == 0


def test_a_diverging_training_is_stopped(tmp_path: Path, here: Here) -> None:
    graph = little()
    parameters = {key: replace(p, lr=1e30) for key, p in graph.parameters.items()}
    done = here(written(replace(graph, parameters=parameters), tmp_path), "--synthetic", "--steps", "20")
    refused(done, 1, "error: training has diverged: the loss is nan")


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


def test_ten_views_are_five_places_and_their_mirror_images(images: Path, tmp_path: Path) -> None:
    program = imported(written(little(augment="crop=12 from=14", views=10), tmp_path))
    folder = program.Folder(images, 4, 0, 1)
    path = folder.images[0][0]
    pixels = folder.pixels(path)
    views = folder.viewed(path, 10)
    assert views.shape == (10, 3, 12, 12)
    assert torch.equal(views[0], pixels[:, 1:13, 1:13])
    assert torch.equal(views[4], pixels[:, 2:14, 2:14])
    assert torch.equal(views[7], pixels[:, :12, 2:14].flip(2))
    assert torch.equal(folder.viewed(path, 1), views[:1])
