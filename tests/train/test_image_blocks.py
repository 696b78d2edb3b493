"""Images that are prepared as the blocks that the first convolution reads: the same numbers, and no other copy."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checking import SPECS, good
from click.testing import CliRunner
from torch.utils._python_dispatch import TorchDispatchMode

import netspec
from netspec import backend
from netspec.cli import main
from netspec.ir.graph import Graph
from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.passes.fast import NAMES, Unshuffle, forms_of, on_devices
from netspec.passes.placing import arrange, place
from netspec.timing.step import step_of
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.layout import Layout
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.moments import Moments, statistics
from netspec.train.data.picture import Frame
from netspec.train.learning.objective import Objective, build

pytorch = backend.load("pytorch")

FRAME, CPU = Frame(3, 16, 19), torch.device("cpu")
PICTURES = np.random.default_rng(0).integers(256, size=(20, 3, FRAME.height, FRAME.width), dtype=np.uint8)
SPEC = """\
net small rounding=up
[image] input 3x12x14
[c] conv filters=8 kernel=5 stride=3 pad=1 neuron=relu
[f] fc outputs=3
"""


def prepared(layout: Layout | None, numbers: Preprocessing, size: Shape) -> torch.Tensor:
    """Pictures that are cropped, mirrored and shifted in colour by chance."""
    prepare = Preparation(numbers, statistics(Moments.of(PICTURES)), FRAME, size, 255, CPU)
    assert prepare.lay_out(layout) == ()
    return prepare(PICTURES, choose(3, 1, np.arange(20), FRAME, size, Augment(flip="horizontal", colour=0.1)))


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("numbers", [Preprocessing(255, "image", "rgb"), Preprocessing(1, "channel", "bgr", "channel")])
@pytest.mark.parametrize(
    "how",
    [
        Unshuffle((4, 4), 0, 0, (12, 16), (8, 8)),  # whole blocks, and some beyond the image
        Unshuffle((3, 2), 1, 2, (15, 18), (6, 4)),  # zeros before and behind
        Unshuffle((3, 3), 0, 1, (9, 12), (6, 6)),  # rows and columns that no window reads
    ],
)
def test_blocks_have_the_bits_of_plain_images(how: Unshuffle, numbers: Preprocessing, last: bool) -> None:
    size = Shape(3, 12, 14)
    plain, found = prepared(None, numbers, size), prepared(Layout(how, last), numbers, size)
    assert torch.equal(found, pytorch.blocks(plain, how))
    assert found.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def test_one_pixel_is_where_it_should_be() -> None:
    """Row 5, column 6 of channel 1 behind one row of zeros: row 6 is 0 of block 2, column 6 is 2 of block 1."""
    x = torch.zeros(1, 3, 12, 14)
    x[0, 1, 5, 6] = 7
    made = pytorch.blocks(x, Unshuffle((3, 4), 1, 0, (15, 16), (6, 8)))
    assert made.shape == (1, 36, 5, 4)
    assert made.nonzero().tolist() == [[0, (1 * 3 + 0) * 4 + 2, 2, 1]]


class Made(TorchDispatchMode):
    """Counts operations that write as many numbers as the images have, by their names."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.numbers = numbers
        self.counted = Counter[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        writes = not func.is_view and func.overloadpacket.__name__ not in ("empty", "detach")
        if writes and isinstance(result, torch.Tensor) and result.numel() >= self.numbers:
            self.counted[func.overloadpacket.__name__] += 1
        return result


def counted(objective: Objective, images: torch.Tensor, numbers: int) -> Counter[str]:
    """What is written in a training step's loss and gradients."""
    with Made(numbers) as made:
        objective.gradients(images, torch.arange(len(images)) % 1000, 0, 0)
    return made.counted


@pytest.mark.many
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_step_copies_no_images(precision: Any) -> None:
    """AlexNet's conv1 writes the images once more where it is given plain ones, and not where it is given blocks."""
    graph = netspec.load(SPECS / "alexnet.net").graph
    graph = replace(graph, train=replace(graph.train, precision=precision))
    objective = build(graph, 0, "cpu", forms_of(graph, ("space-to-depth",)))
    first = objective.module.conv1
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        with Made(images.numel()) as plain:
            a = first(images)
        laid = objective.laid_out(images)
        with Made(images.numel()) as blocks:
            b = first(laid)
    assert torch.equal(a, b)
    assert laid.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
    assert plain.counted == {"zero_": 1, "copy_": 1, "convolution": 1, "relu": 1}
    assert blocks.counted == {"convolution": 1, "relu": 1}


def test_time_measures_the_step_on_blocks() -> None:
    graph = good(SPEC).graph
    step = step_of(graph, "cpu", 4, "fp32", ("space-to-depth",))
    plain = step_of(graph, "cpu", 4, "fp32", ())
    assert step.images.shape == (4, 27, 5, 6) and plain.images.shape == (4, 3, 12, 14)
    a, b = (one.objective.gradients(one.images, one.labels, 0, 0) for one in (step, plain))
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("more", "laid"),
    [
        ("", True),
        ("[d] conv filters=8 kernel=7 stride=3 pad=2 inputs=image\n[s] sum inputs=c,d\n", False),  # in other blocks
        ("[d] conv filters=8 kernel=6 stride=3 pad=1 inputs=image\n[s] sum inputs=c,d\n", True),
        ("[d] avgpool kernel=5 stride=3 pad=1 inputs=image\n[s] concat inputs=c,d\n", False),  # plain
    ],
    ids=["one reader", "two that differ", "two alike", "a plain one"],
)
def test_images_are_blocks_where_all_that_read_them_read_those(more: str, laid: bool) -> None:
    graph: Graph = good(SPEC.replace("[f]", f"{more}[f]")).graph
    forms = forms_of(graph, NAMES)
    assert ("c:conv" in forms.unshuffled) and (forms.images is not None) == laid
    assert (build(graph, 0, "cpu", forms).layout is not None) == laid


def test_devices_that_are_given_images_are_given_blocks() -> None:
    graph = netspec.load(SPECS / "alexnet.net").graph
    forms = forms_of(graph, NAMES)
    for split in ("groups", "batch", "hybrid"):
        assert on_devices(forms, place(graph, arrange(graph, 2, split))).images == forms.images


def test_a_run_on_blocks_has_the_losses_of_a_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained, validated and gone on with; on the CPU the pass is on because it is asked for here."""
    spec = tmp_path / "a.net"
    spec.write_text(
        f"{SPEC}train epochs=1 batch=8 optimizer=sgd(lr=0.05)\naugment from=14 flip=horizontal colour=pca(0.1)\n"
    )
    found = []
    for names in ((), ("space-to-depth",)):
        monkeypatch.setattr("netspec.train.tensors.initial.enabled_passes", lambda where, without, names=names: names)
        run = tmp_path / f"run{len(names)}"
        for arguments in (
            (spec, "--data", "synthetic", "--steps", 3, "--out", run, "--threads", 1),
            ("--resume", run, "--steps", 5),
        ):
            result = CliRunner().invoke(main, ["train", *map(str, arguments)])
            assert result.exit_code == 0, result.output
        lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
        found.append([number for line in lines for key, number in line.items() if key in ("loss", "val_loss", "top1")])
    assert len(found[0]) > 6 and found[1] == pytest.approx(found[0], rel=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpus_kernel_writes_the_blocks(dtype: torch.dtype) -> None:
    size, how = Shape(3, 12, 14), Unshuffle((3, 2), 1, 2, (15, 18), (6, 4))
    numbers = Preprocessing(255, "image", "bgr")
    prepare = Preparation(numbers, statistics(Moments.of(PICTURES)), FRAME, size, 255, torch.device("cuda"))
    assert prepare.lay_out(Layout(how, True, dtype)) == ()
    found = prepare(PICTURES, choose(3, 1, np.arange(20), FRAME, size, Augment(flip="horizontal", colour=0.1)))
    torch.testing.assert_close(found.cpu(), prepared(Layout(how, True), numbers, size).to(dtype), rtol=1e-2, atol=1e-3)


def test_where_a_device_has_no_kernel_a_line_says_so() -> None:
    """Another device than the CPU stands for a GPU without Triton: images stay plain."""
    prepare = Preparation(Preprocessing(255, "none"), None, FRAME, Shape(3, 12, 14), 255, CPU)
    prepare.device = torch.device("meta")
    assert prepare.lay_out(Layout(Unshuffle((3, 2), 1, 2, (15, 18), (6, 4)))) == (
        "images are prepared without a kernel, and laid out as blocks in another copy: there are none for the meta",
    )
    prepare.device = CPU
    assert prepare(PICTURES, choose(3, 1, np.arange(20), FRAME, prepare.size, Augment())).shape == (20, 3, 12, 14)
