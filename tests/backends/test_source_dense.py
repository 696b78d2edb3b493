"""Programs of dense networks: on the same images and masks they end with the bits of ``netspec train``, on one device
and on several."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from building import net_of
from mask_files import cityscapes
from PIL import Image
from program_vs_trainer import Trial, assert_same_steps
from programs import RunHere, load_program, write_program
from rich.console import Console

import netspec
from netspec.ir.graph import Graph
from netspec.passes.placing import SplitWord
from netspec.train.config import Request
from netspec.train.data.sources.masks.classes import read_classes
from netspec.train.data.sources.masks.listing import list_masks
from netspec.train.data.sources.masks.reading import read_mask
from netspec.train.errors import TrainError
from netspec.train.learning.pixels import PixelEvaluation
from netspec.train.reporting.console import Reporter
from netspec.train.run import train
from netspec.train.runs import checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

SEED = 5
SPEC = """
net dense
{gpus}
default conv init=gaussian(0.2) neuron=relu
[image] input 3x12x16 {input}
[in] conv filters=8 kernel=3
[down] conv filters=8 kernel=2 stride=2
[norm] batchnorm
[drop] dropout rate=0.2
[up] deconv filters=8 kernel=2 stride=2 init=gaussian(0.2)
[both] concat inputs=in,up
[scores] conv filters=4 kernel=1 neuron=linear {scores}
train epochs=2 batch=8 optimizer=sgd(lr=0.05, momentum=0.9) {train}
{augment}
"""
"""Of the 12 x 16 pixels of an image, the 10 x 14 in the middle have scores."""

AUXILIARY = """[side] conv filters=4 kernel=1 neuron=linear inputs=norm
[aux] crossentropy loss_weight=0.4
[loss] crossentropy inputs=scores
"""
"""Another loss, of 5 x 7 of these pixels."""


def dense(
    augment: str = "", train: str = "", reads: str = "range=1", scores: str = "", gpus: str = "", losses: str = ""
) -> Graph:
    augment = f"augment {augment}" if augment else ""
    text = SPEC.format(augment=augment, train=train, input=reads, scores=scores, gpus=gpus)
    return netspec.loads(text.replace("train epochs", f"{losses}train epochs").replace("\n\n", "\n").strip()).graph


def write_images(folder: Path, names: list[str], masks: Path, suffixes: tuple[str, ...] = (".jpg", ".png")) -> None:
    """Write images and their masks, of different sizes, in each of the modes that masks may have, most of them with
    unlabelled pixels."""
    rng = np.random.default_rng(len(names))
    folder.mkdir(parents=True, exist_ok=True)
    masks.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        size = 30 + 7 * (number % 3), 44 - 9 * (number % 2)
        pixels = rng.integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}{suffixes[number % len(suffixes)]}")
        classes = np.kron(rng.integers(0, 4, (10, 11), np.uint8), np.ones((5, 4), np.uint8))[: size[0], : size[1]]
        classes[: number % 5] = 255
        mask = Image.fromarray(classes)
        if number % 4 == 1:
            mask = mask.convert("P")  # a palette of greys, in their order
        if number % 4 == 2:
            mask = Image.fromarray(classes == 1)  # 1 bit
        mask.save(masks / f"{name}.png")


def folder_of_pairs(root: Path, unreadable: int = 0) -> Path:
    for part, count in (("train", 20), ("val", 5)):
        names = [f"{part}{number}" for number in range(count)]
        write_images(root / part / "images", names, root / part / "masks")
        for name in names[:unreadable]:
            mask = root / part / "masks" / f"{name}.png"
            mask.write_bytes(mask.read_bytes()[:50])
    return root


def assert_same_training(graph: Graph, data: Path, tmp_path: Path, run_here: RunHere, skipped: int = 0) -> None:
    """Train with the trainer and the program: weights are equal to the last bit, and so are the metrics as printed."""
    request = Request(str(data), seed=SEED, device="cpu", threads=1, out=tmp_path / "run", without=("all",))
    result = train(net_of(graph), "dense", request, Reporter(Console(quiet=True)))
    state = checkpoint.load(checkpoint.list_checkpoints(result.folder / "checkpoints")[-1])
    expected = state["average"]["weights"] if graph.train.ema else state["weights"]
    out = tmp_path / "weights.pt"
    words = ("--seed", str(SEED), "--device", "cpu", "--out", out)
    done = run_here(write_program(graph, tmp_path), "--data", data, *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped ") == skipped
    actual = torch.load(out, weights_only=True)
    assert list(actual) == list(expected)
    assert [key for key in expected if not torch.equal(actual[key], expected[key])] == []
    found = result.evaluation
    assert isinstance(found, PixelEvaluation)
    right, iou = f"pixels right {100 * found.pixels_right:.2f} %", f"mean IoU {100 * found.mean_iou:.2f} %"
    assert f"epoch 2: validation loss {found.loss:.4f}, {right}, {iou}\n" in done.stdout


@pytest.mark.ci  # trainings
@pytest.mark.parametrize(
    ("augment", "train", "reads"),
    [
        ("flip=horizontal", "accumulate=2 label_smoothing=0.1 ema=0.9", "range=1 mean=image"),
        ("from=14 pad=2 fill=mean flip=horizontal erase=cutout(4)", "schedule=plateau(patience=1)", "mean=channel"),
        pytest.param("from=14,20 flip=horizontal", "", "mean=image", marks=pytest.mark.slow),
        ("from=8,26 fill=mean flip=horizontal colour=jitter(0.4)", "precision=bf16", "mean=image std=channel"),
        ("area=0.2,1 flip=horizontal colour=pca(0.1)", "channels_last=yes", "range=1"),
        ("flip=horizontal", "accumulate=2 label_smoothing=0.1 class_weights=0.1,3,0,7.5", "range=1"),
        ("from=13 pad=1 fill=reflect colour=jitter(hue=0.1)", "clip_gradients=norm(0.3)", "range=1 mean=channel"),
    ],
    ids=["mirrored", "padded", "of drawn sizes", "padded small ones", "of drawn areas", "weighted", "mirrored padding"],
)
def test_training_on_a_folder_ends_with_the_trainers_bits(
    augment: str, train: str, reads: str, tmp_path: Path, run_here: RunHere
) -> None:
    """Masks move as images do, in the same order with the same draws."""
    assert_same_training(dense(augment, train, reads), folder_of_pairs(tmp_path / "data"), tmp_path, run_here)


@pytest.mark.ci  # a training
def test_auxiliary_losses_end_with_the_trainers_bits(tmp_path: Path, run_here: RunHere) -> None:
    losses = AUXILIARY + "[small] sumsquares loss_weight=0.001 inputs=down\n"
    graph = dense("flip=horizontal", "accumulate=2 ema=0.9", losses=losses)
    assert_same_training(graph, folder_of_pairs(tmp_path / "data"), tmp_path, run_here)


@pytest.mark.ci  # a training
def test_pairs_that_cannot_be_read_are_replaced(tmp_path: Path, run_here: RunHere) -> None:
    data = folder_of_pairs(tmp_path / "data", unreadable=1)
    assert_same_training(dense("flip=horizontal"), data, tmp_path, run_here, skipped=2)


@pytest.mark.ci  # a training
def test_folder_without_parts_is_divided_as_the_trainer_does(tmp_path: Path, run_here: RunHere) -> None:
    data = tmp_path / "data"
    write_images(data / "images", [f"{number}" for number in range(30)], data / "masks")
    assert_same_training(dense(), data, tmp_path, run_here)


@pytest.mark.ci  # a training
def test_folder_of_pascal_voc_is_read(tmp_path: Path, run_here: RunHere) -> None:
    data, lists = tmp_path / "VOC", tmp_path / "VOC" / "ImageSets" / "Segmentation"
    names = [f"2007_{number:06}" for number in range(14)]
    write_images(data / "JPEGImages", names, data / "SegmentationClass", (".jpg",))
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("\n".join(names[:10][::-1]))
    (lists / "val.txt").write_text("\n".join(names[10:]))
    text = SPEC.replace("filters=4 kernel=1", "filters=21 kernel=1")
    graph = netspec.loads(text.format(augment="", train="", input="range=1", scores="", gpus="")).graph
    assert_same_training(graph, data, tmp_path, run_here)


@pytest.mark.ci  # several processes
def test_two_processes_compute_the_trainers_bits(tmp_path: Path) -> None:
    """The shares of the labelled pixels differ, and so do those of the parts of a batch."""
    grouped = dense("", "", "range=1", "reads=all gpu=0", "gpus 2")

    def trial(name: str, graph: Graph, batch: int, split: SplitWord = "batch") -> Trial:
        return Trial(name, graph, write_program(graph, tmp_path, name), split, batch)

    trials = [
        trial("plain", dense(), 7),
        trial("parts", dense(train="accumulate=2 label_smoothing=0.1 ema=0.9"), 10),
        trial("low", dense(train="precision=bf16"), 6),
        trial("weighted", dense(train="accumulate=2 class_weights=0.1,3,0,7.5"), 9),
        trial("auxiliary", dense(losses=AUXILIARY, train="accumulate=2 label_smoothing=0.1"), 9),
        trial("auxiliary_weighted", dense(losses=AUXILIARY, train="class_weights=0.1,3,0,7.5 precision=bf16"), 5),
        trial("grouped", grouped, 6, "groups"),
        trial("grouped_parts", dense("", "accumulate=2", "range=1", "reads=all", "gpus 2"), 8, "groups"),
    ]
    assert_same_steps(trials, 2)


def test_synthetic_masks_are_learnt(tmp_path: Path, run_here: RunHere) -> None:
    done = run_here(write_program(dense(), tmp_path), "--synthetic", "--steps", "30")
    assert done.returncode == 0, done.stderr
    found = re.search(r"pixels right ([\d.]+) %, mean IoU ([\d.]+) %\n", done.stdout)
    assert found is not None and min(map(float, found.groups())) > 50  # of four classes: chance is 25 %


@pytest.mark.parametrize(("numbers", "named"), [((0, 255), "0 and 255"), ((255,), "255"), ((0, 1, 255), "")])
def test_masks_in_black_and_white_are_refused(numbers: tuple[int, ...], named: str, tmp_path: Path) -> None:
    program, data = load_program(dense(), tmp_path), folder_of_pairs(tmp_path)
    for path in data.glob("train/masks/*.png"):
        size = Image.open(path).size
        Image.fromarray(np.resize(np.array(numbers, np.uint8), size[::-1])).save(path)
    if not named:
        assert len(program.find_images(data)[0]) == 20
        return
    with pytest.raises(program.DataError) as caught:
        program.find_images(data)
    assert str(caught.value) == f"the masks of {data} have the number {named} only, and 255 is unlabelled"


@pytest.mark.parametrize("mode", ["L", "P", "1", "2 bits", "4 bits"])
def test_masks_are_read_as_the_trainer_reads_them(mode: str, tmp_path: Path) -> None:
    classes = np.random.default_rng(0).integers(0, 2 if mode == "1" else 4, (7, 9), np.uint8)
    mask = Image.fromarray(classes)
    bits = {}
    if mode == "P":
        mask.putpalette([200, 10, 10] * 256)
    elif mode == "1":
        mask = Image.fromarray(classes.astype(bool))
    elif mode != "L":
        mask.putpalette([0, 0, 0] * 256)
        bits = {"bits": int(mode[0])}
    Image.fromarray(np.zeros((7, 9, 3), np.uint8)).save(tmp_path / "image.png")
    mask.save(tmp_path / "mask.png", **bits)
    program = load_program(dense(), tmp_path)
    found = program.read_mask(tmp_path / "mask.png", tmp_path / "image.png")
    np.testing.assert_array_equal(found.numpy(), read_mask(tmp_path / "mask.png", (7, 9)))
    np.testing.assert_array_equal(found.numpy(), classes)


def test_masks_of_images_that_are_turned(tmp_path: Path) -> None:
    """A mask has the size of its image as it is displayed."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((7, 9, 3), np.uint8)).save(tmp_path / "image.jpg", exif=exif)
    Image.fromarray(np.ones((9, 7), np.uint8)).save(tmp_path / "mask.png")
    Image.fromarray(np.ones((7, 9), np.uint8)).save(tmp_path / "unturned.png")
    program = load_program(dense(), tmp_path)
    assert program.read_mask(tmp_path / "mask.png", tmp_path / "image.jpg").shape == (9, 7)
    with pytest.raises(ValueError, match=r"it has 7 x 9 pixels, and its mask .*unturned.png has 9 x 7"):
        program.read_mask(tmp_path / "unturned.png", tmp_path / "image.jpg")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_colours_of_masks_are_read_as_the_trainer_reads_them(mode: str, tmp_path: Path) -> None:
    lines = "road #090909\ncar, 7, 7, 7\nunlabelled 1 1 1\n#000001 sky\ncar 2 2 2\n0 1 0\twide  tree\n \n"
    (tmp_path / "classes.txt").write_text(lines)
    grey = np.array([9, 7, 1, 2], np.uint8)[np.random.default_rng(0).integers(0, 4, (7, 9))]
    mask = np.repeat(grey[..., None], 3, 2)
    if mode != "L":
        mask[0, :2] = (0, 0, 1), (0, 1, 0)
    image = Image.fromarray(mask)
    (image.quantize() if mode == "P" else image.convert(mode)).save(tmp_path / "mask.png")
    Image.fromarray(mask).save(tmp_path / "image.png")
    program = load_program(dense(), tmp_path)
    program.COLOURS.update(program.read_colours(tmp_path / "classes.txt"))
    found = program.read_mask(tmp_path / "mask.png", tmp_path / "image.png")
    names, colours = read_classes(tmp_path)
    assert names == ("road", "car", "sky", "wide  tree")
    np.testing.assert_array_equal(found.numpy(), read_mask(tmp_path / "mask.png", (7, 9), colours))
    del program.COLOURS[9, 9, 9]
    with pytest.raises(program.DataError, match=r"mask.png has the colour \[9, 9, 9\], which is in no line"):
        program.read_mask(tmp_path / "mask.png", tmp_path / "image.png")
    for wrong in ("road 9 9 9\n", f"{lines}tree\n"):
        (tmp_path / "classes.txt").write_text(wrong)
        with pytest.raises(program.DataError, match=r"of its lines have a colour, of \d classes, not 4"):
            program.read_colours(tmp_path / "classes.txt")


def test_folder_of_cityscapes_is_listed_as_the_trainer_lists_it(tmp_path: Path) -> None:
    root = cityscapes(tmp_path / "city")
    listing = list_masks(root)
    program = load_program(dense(), tmp_path)
    program.OUTPUTS = 19  # type: ignore[attr-defined]
    found = program.find_images(root)
    for files, pairs in zip((listing.train, listing.validation), found, strict=True):
        assert files is not None and files.masks is not None
        assert [(root / image, root / mask) for image, mask in zip(files.names, files.masks, strict=True)] == pairs
    mask = found[1][0][1]
    mask.unlink()
    with pytest.raises(TrainError, match=r"1 image of .*val without a mask"):
        list_masks(root)
    with pytest.raises(program.DataError, match=f"images and masks that are not there: 1, the first {mask}"):
        program.find_images(root)


def test_folder_of_pascal_voc_needs_the_mask_of_each_image(tmp_path: Path) -> None:
    data, lists = tmp_path / "VOC", tmp_path / "VOC" / "ImageSets" / "Segmentation"
    write_images(data / "JPEGImages", ["1", "2"], data / "SegmentationClass", (".jpg",))
    lists.mkdir(parents=True)
    for part, name in (("train", "1"), ("val", "2")):
        (lists / f"{part}.txt").write_text(name)
    program = load_program(dense(), tmp_path)
    program.OUTPUTS = 21  # type: ignore[attr-defined]
    mask = data / "SegmentationClass" / "1.png"
    assert program.find_images(data)[0] == [(data / "JPEGImages" / "1.jpg", mask)]
    mask.unlink()
    with pytest.raises(program.DataError, match=f"images and masks that are not there: 1, the first {mask}"):
        program.find_images(data)


def test_program_says_that_views_of_whole_images_are_for_eval(tmp_path: Path) -> None:
    said = "the validations saw the centre crop of each image; netspec eval also tests on whole images"
    for views in ("whole", "1"):
        graph = netspec.loads(f"[image] input 3x8x8 range=1\n[s] conv filters=4 kernel=1\ntest views={views}\n").graph
        assert (said in write_program(graph, tmp_path).read_text()) == (views == "whole")


def test_mistakes_in_the_data_are_errors(tmp_path: Path, run_here: RunHere) -> None:
    path = write_program(dense(), tmp_path)

    def error(data: Path) -> str:
        done = run_here(path, "--data", data, "--steps", "1")
        assert done.returncode == 1, done.stdout
        return done.stderr

    data = folder_of_pairs(tmp_path / "data")
    (data / "train" / "masks" / "train3.png").rename(tmp_path / "mask.png")
    assert error(data) == f"error: {data / 'train' / 'images'} has images without a mask: 1, the first train3.png\n"
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    Image.fromarray(np.where(mask == 1, 9, mask).astype(np.uint8)).save(data / "train" / "masks" / "train3.png")
    beyond = "has class 9, and the network has the classes 0 to 3\n"
    assert error(data) == f"error: {data / 'train' / 'masks' / 'train3.png'} {beyond}"
    Image.fromarray(np.zeros((37, 35, 3), np.uint8)).save(data / "train" / "masks" / "train3.png")
    done = run_here(path, "--data", data, "--steps", "1", "--batch", "20")
    assert "are not numbers of classes\n" in done.stderr and done.returncode == 1
    (tmp_path / "empty").mkdir()
    assert error(tmp_path / "empty") == f"error: {tmp_path / 'empty'} has no folders images and masks\n"


def test_text_says_what_masks_are(tmp_path: Path) -> None:
    text = write_program(dense(), tmp_path).read_text()
    assert "train on DIR/images/*.jpg and DIR/masks/*.png" in text
    assert "GRID = slice(1, 11, 1), slice(1, 15, 1)  # rows and columns of an image that have scores" in text
    for word in ("class_folders", "top1", "label_smoothing", "CLASS/"):
        assert word not in text
