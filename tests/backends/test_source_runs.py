"""Generated programs as their users run them: in processes that cannot import netspec, on made-up and real files."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from building import Builder
from PIL import Image
from programs import BLOCKED, Ended, Here, imported, network, run, written

import netspec
from netspec.ir.graph import Graph
from netspec.ir.ops import Linear, Relu
from netspec.train.data.decode import read_image
from netspec.train.data.folder import held_out
from netspec.train.data.picture import Frame
from netspec.train.evaluate import evaluate
from netspec.train.objective import build

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
    refused(here(path, "--data", tmp_path), 1, f"error: {tmp_path} has 1 class folders")
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
        (("--synthetic", "--steps", "0"), "0 is not from 1 to 2147483647"),
        (("--synthetic", "--batch", "many"), "invalid positive value: 'many'"),
        (("--synthetic", "--seed", "-1"), "-1 is not from 0 to 9223372036854775807"),
        (("--synthetic", "--seed", "1180591620717411303424"), "1180591620717411303424 is not from 0 to "),
        (("--synthetic", "--device", "abacus"), "--device abacus: "),
        (("--data", "/no-such-folder"), "--data: there is no folder /no-such-folder"),
        (("--synthetic", "--out", "."), "--out: . is no file"),
        (("--synthetic", "--out", "/no-such-folder/w.pt"), "/no-such-folder is no folder"),
    ],
    ids=[
        "no data",
        "both",
        "no steps",
        "no number",
        "negative seed",
        "large seed",
        "no device",
        "no folder of data",
        "folder to write",
        "no folder to write in",
    ],
)
def test_a_wrong_command_line(arguments: tuple[str, ...], complaint: str, tmp_path: Path, here: Here) -> None:
    refused(here(written(little(), tmp_path), *arguments), 2, complaint)


def test_a_folder_that_cannot_be_opened(
    images: Path, tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated: an administrator, as whom tests may run, has every permission."""
    listed = Path.iterdir

    def denied(folder: Path) -> Iterator[Path]:
        if folder.name == "birch":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", denied)
    refused(here(written(little(), tmp_path), "--data", images), 1, f"Permission denied: '{images / 'birch'}'\n")


def test_images_that_are_all_held_out(images: Path, tmp_path: Path, here: Here) -> None:
    for path in images.rglob("*.*"):
        if not held_out(f"{path.parent.name}/{path.name}"):
            path.unlink()
    held = len(list(images.rglob("*.*")))
    complaint = f"{images} has no images to train on, and {held} for validation: it takes more images, or folders train"
    refused(here(written(little(), tmp_path), "--data", images, "--batch", "1"), 1, f"error: {complaint}/ and val/\n")


def test_a_batch_that_no_memory_holds(tmp_path: Path, here: Here) -> None:
    """100,000 pictures of 1.6 GB are more than processors can address."""
    graph = netspec.loads(
        "[image] input 1x20000x20000\n[conv1] conv filters=1 kernel=1 stride=20000 rounding=down\n[fc] fc outputs=3\n"
    ).graph
    done = here(written(graph, tmp_path), "--synthetic", "--batch", "100000")
    refused(done, 1, "error: not enough memory for a batch of 100000; see --batch\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
def test_a_reader_that_has_gone(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, str(written(little(), tmp_path)), "--synthetic", "--steps", "2", "--threads", "1"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


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


WEIGHTLESS = "[image] input 10x1x1\n[prob] softmax\n"
NORMALISED = "[image] input 6\n[bn] batchnorm\n[fc] fc outputs=2\n[prob] softmax\ntrain batch=1\n"


def test_a_network_without_weights_has_nothing_to_learn(tmp_path: Path, here: Here) -> None:
    done = here(written(netspec.loads(WEIGHTLESS).graph, tmp_path), "--synthetic")
    refused(done, 1, "error: nothing to learn: the network has no weights\n")


def test_batch_normalisation_of_one_number_needs_two_images(tmp_path: Path, here: Here) -> None:
    path = written(netspec.loads(NORMALISED).graph, tmp_path)
    refused(here(path, "--synthetic"), 2, "--batch: bn normalises over the batch")
    assert here(path, "--synthetic", "--steps", "1", "--batch", "2").returncode == 0


@pytest.mark.parametrize("lr", [1e300, float("inf"), float("nan")])
def test_rates_beyond_float32_are_refused(lr: float, tmp_path: Path, here: Here) -> None:
    graph = little()
    parameters = {key: replace(p, lr=lr) for key, p in graph.parameters.items()}
    graph = replace(graph, parameters=parameters, train=replace(graph.train, lr=lr))
    done = here(written(graph, tmp_path), "--synthetic")
    refused(done, 1, f"error: the learning rate of conv1.weight is {lr:g}: that is no float32 number\n")


def test_more_threads_than_torch_survives(tmp_path: Path, here: Here) -> None:
    done = here(written(little(), tmp_path), "--synthetic", "--threads", "1000000")
    refused(done, 2, "--threads: no more than 1024")


def test_a_sum_of_very_many(tmp_path: Path) -> None:
    inputs = ",".join(["image"] * 3000)
    graph = netspec.loads(f"[image] input 2\n[many] sum inputs={inputs} neuron=abs\n[fc] fc outputs=2\n").graph
    program = imported(written(graph, tmp_path))
    model = network(program)()
    x = torch.tensor([[1.0, -2.0]])
    torch.testing.assert_close(model(x), model.fc(torch.tensor([[3000.0, 6000.0]])))


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


def test_the_validation_loss_is_the_files_own(tmp_path: Path) -> None:
    text = "[image] input 5\n[fc] fc outputs=3\n[prob] softmax\n[error] squarederror inputs=prob loss_weight=2\n"
    graph = netspec.loads(text).graph
    program = imported(written(graph, tmp_path))
    model = network(program)()
    program.initialise(model, 3)
    batches = [(torch.randn(n, 5), torch.randint(3, (n,))) for n in (4, 2)]
    wanted = evaluate(build(graph, 3, "cpu"), batches)
    assert wanted is not None
    loss, top1, _ = program.evaluate(model, [(x.unsqueeze(1), labels) for x, labels in batches], "cpu")
    assert loss == pytest.approx(wanted.loss, rel=1e-6)
    assert top1 == wanted.top1


def test_a_batch_that_its_parts_do_not_divide(tmp_path: Path, here: Here) -> None:
    graph = netspec.loads(NORMALISED.replace("batch=1", "batch=8 accumulate=4")).graph
    path = written(graph, tmp_path)
    refused(here(path, "--synthetic", "--batch", "6"), 2, "--batch: 4 equal parts cannot be made of 6 images")
    refused(here(path, "--synthetic", "--batch", "4"), 2, "--batch: bn normalises over the batch and needs 8 images")
    assert here(path, "--synthetic", "--steps", "2").returncode == 0


def test_a_batch_of_too_few_readable_images_for_its_parts_is_left_out(tmp_path: Path) -> None:
    """Of seven images in four parts one part is a single image, which cannot be normalised; of eight none is."""
    program = imported(written(netspec.loads(NORMALISED.replace("batch=1", "batch=8 accumulate=4")).graph, tmp_path))
    model = network(program)()
    program.initialise(model, 0)
    before = {key: value.clone() for key, value in model.state_dict().items()}

    class Few:
        steps, unreadable = 1, ()

        def training(self, epoch: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
            return [(torch.randn(7, 6), torch.zeros(7, dtype=torch.int64))]

    with pytest.raises(SystemExit, match="none of the training images"):
        program.train(model, Few(), epochs=1, steps=None, device="cpu", out=None)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_the_average_is_what_is_written(tmp_path: Path, here: Here) -> None:
    """One step with an average of 0.1 of the start and 0.9 of the step's weights."""
    plain, averaged = tmp_path / "plain.pt", tmp_path / "averaged.pt"
    text = "[image] input 5\n[fc] fc outputs=3\ntrain batch=4 {}"
    for out, keys in ((plain, ""), (averaged, "ema=0.99")):
        graph = netspec.loads(text.format(keys)).graph
        assert here(written(graph, tmp_path), "--synthetic", "--steps", "1", "--out", out).returncode == 0
    after, found = (torch.load(path, weights_only=True)["fc.weight"] for path in (plain, averaged))
    program = imported(tmp_path / "program.py")
    model = network(program)()
    program.initialise(model, 0)
    torch.testing.assert_close(found, 0.1 * model.fc.weight.detach() + 0.9 * after, rtol=1e-6, atol=1e-7)
    assert not torch.equal(found, after)
