"""Images prepared as the blocks that the first convolution reads: the same numbers, and no further copy."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checking import SPECS, valid_net
from processes import invoke
from torch.utils._python_dispatch import TorchDispatchMode

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.passes.fast import NAMES, Unshuffle, forms_of, on_devices
from netspec.passes.placing import arrange, place_on_devices
from netspec.timing.settings import TimingSettings
from netspec.timing.step import step_of
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.layout import Layout
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.moments import Moments, statistics
from netspec.train.data.splits import Frame
from netspec.train.learning.objective import build

pytorch = backend.load("pytorch")

FRAME, CPU = Frame(3, 16, 19), torch.device("cpu")
IMAGES = np.random.default_rng(0).integers(256, size=(20, 3, FRAME.height, FRAME.width), dtype=np.uint8)
SPEC = """\
net small rounding=up
[image] input 3x12x14
[c] conv filters=8 kernel=5 stride=3 pad=1 neuron=relu
[f] fc outputs=3
"""


def prepared(layout: Layout | None, numbers: Preprocessing, size: Shape) -> torch.Tensor:
    """Return the images with random crops, mirroring and colour shifts, in a layout."""
    prepare = Preparation(numbers, statistics(Moments.from_pixels(IMAGES)), FRAME, size, 255, CPU)
    assert prepare.lay_out(layout) == ()
    return prepare(IMAGES, choose(3, 1, np.arange(20), FRAME, size, Augment(flip="horizontal", colour=0.1)))


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("numbers", [Preprocessing(255, "image", "rgb"), Preprocessing(1, "channel", "bgr", "channel")])
@pytest.mark.parametrize(
    "how",
    [
        Unshuffle((4, 4), 0, 0, (12, 16), (8, 8)),  # complete blocks, and some beyond the image
        Unshuffle((3, 2), 1, 2, (15, 18), (6, 4)),  # padding before and after
        Unshuffle((3, 3), 0, 1, (9, 12), (6, 6)),  # rows and columns that no window reads
    ],
)
def test_blocks_have_the_bits_of_plain_images_rearranged(how: Unshuffle, numbers: Preprocessing, last: bool) -> None:
    size = Shape(3, 12, 14)
    plain, blocks = prepared(None, numbers, size), prepared(Layout(how, last), numbers, size)
    assert torch.equal(blocks, pytorch.blocks(plain, how))
    assert blocks.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def test_position_of_one_pixel_in_its_block_by_hand() -> None:
    """Row 5 and column 6 of channel 1. With one row of padding, row 6 is row 0 of block 2, and column 6 is column 2 of
    block 1."""
    x = torch.zeros(1, 3, 12, 14)
    x[0, 1, 5, 6] = 7
    blocks = pytorch.blocks(x, Unshuffle((3, 4), 1, 0, (15, 16), (6, 8)))
    assert blocks.shape == (1, 36, 5, 4)
    assert blocks.nonzero().tolist() == [[0, (1 * 3 + 0) * 4 + 2, 2, 1]]


class LargeWrites(TorchDispatchMode):
    """Counts the operations that write at least so many numbers, by name."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.numbers = numbers
        self.counts = Counter[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        writes = not func.is_view and func.overloadpacket.__name__ not in ("empty", "detach")
        if writes and isinstance(result, torch.Tensor) and result.numel() >= self.numbers:
            self.counts[func.overloadpacket.__name__] += 1
        return result


@pytest.mark.ci
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_convolution_on_blocks_copies_no_images(precision: Any) -> None:
    """AlexNet's conv1 copies plain images, but not blocks."""
    graph = netspec.load(SPECS / "alexnet.net").graph
    graph = replace(graph, train=replace(graph.train, precision=precision))
    objective = build(graph, 0, "cpu", forms_of(graph, ("space-to-depth",)))
    first = objective.module.conv1
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        with LargeWrites(images.numel()) as plain:
            a = first(images)
        blocks = objective.to_layout(images)
        with LargeWrites(images.numel()) as blocked:
            b = first(blocks)
    assert torch.equal(a, b)
    assert blocks.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
    assert plain.counts == {"zero_": 1, "copy_": 1, "convolution": 1, "relu": 1}
    assert blocked.counts == {"convolution": 1, "relu": 1}


def test_time_command_measures_the_step_on_blocks() -> None:
    graph = valid_net(SPEC).graph
    settings = TimingSettings("cpu", 4, "fp32", 1)
    step = step_of(graph, settings, ("space-to-depth",))
    plain = step_of(graph, settings, ())
    assert step.images.shape == (4, 27, 5, 6) and plain.images.shape == (4, 3, 12, 14)
    a, b = (one.objective.gradients(one.images, one.labels, 0, 0) for one in (step, plain))
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("layers", "blocked"),
    [
        ("", True),
        ("[d] conv filters=8 kernel=7 stride=3 pad=2 inputs=image\n[s] sum inputs=c,d\n", False),
        ("[d] conv filters=8 kernel=6 stride=3 pad=1 inputs=image\n[s] sum inputs=c,d\n", True),
        ("[d] avgpool kernel=5 stride=3 pad=1 inputs=image\n[s] concat inputs=c,d\n", False),
    ],
    ids=["one reader", "other blocks", "same blocks", "plain reader"],
)
def test_images_are_blocks_if_all_readers_read_the_same(layers: str, blocked: bool) -> None:
    graph: Graph = valid_net(SPEC.replace("[f]", f"{layers}[f]")).graph
    forms = forms_of(graph, NAMES)
    assert ("c:conv" in forms.unshuffled) and (forms.images is not None) == blocked
    assert (build(graph, 0, "cpu", forms).layout is not None) == blocked


def test_images_are_blocks_on_several_devices() -> None:
    graph = netspec.load(SPECS / "alexnet.net").graph
    forms = forms_of(graph, NAMES)
    for split in ("groups", "batch", "hybrid"):
        assert on_devices(forms, place_on_devices(graph, arrange(graph, 2, split))).images == forms.images


@pytest.mark.ci
def test_run_on_blocks_has_the_losses_of_a_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training, validation and resuming. The pass is enabled here, since by default it is off on the CPU."""
    spec = tmp_path / "a.net"
    spec.write_text(
        f"{SPEC}train epochs=1 batch=8 optimizer=sgd(lr=0.05)\naugment from=14 flip=horizontal colour=pca(0.1)\n"
    )
    losses = []
    for names in ((), ("space-to-depth",)):
        monkeypatch.setattr("netspec.train.tensors.initial.enabled_passes", lambda where, without, names=names: names)
        run = tmp_path / f"run{len(names)}"
        for arguments in (
            (spec, "--data", "synthetic", "--steps", 3, "--out", run, "--threads", 1),
            ("--resume", run, "--steps", 5),
        ):
            result = invoke("train", *arguments)
            assert result.exit_code == 0, result.output
        lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
        losses.append([number for line in lines for key, number in line.items() if key in ("loss", "val_loss", "top1")])
    assert len(losses[0]) > 6 and losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gpu_kernel_writes_the_same_blocks(dtype: torch.dtype) -> None:
    size, how = Shape(3, 12, 14), Unshuffle((3, 2), 1, 2, (15, 18), (6, 4))
    numbers = Preprocessing(255, "image", "bgr")
    prepare = Preparation(numbers, statistics(Moments.from_pixels(IMAGES)), FRAME, size, 255, torch.device("cuda"))
    assert prepare.lay_out(Layout(how, True, dtype)) == ()
    blocks = prepare(IMAGES, choose(3, 1, np.arange(20), FRAME, size, Augment(flip="horizontal", colour=0.1)))
    torch.testing.assert_close(blocks.cpu(), prepared(Layout(how, True), numbers, size).to(dtype), rtol=1e-2, atol=1e-3)


def test_device_without_a_kernel_is_noted() -> None:
    """The device meta stands for a GPU without Triton. Images stay plain."""
    prepare = Preparation(Preprocessing(255, "none"), None, FRAME, Shape(3, 12, 14), 255, CPU)
    prepare.device = torch.device("meta")
    assert prepare.lay_out(Layout(Unshuffle((3, 2), 1, 2, (15, 18), (6, 4)))) == (
        "images are prepared without a kernel, and laid out as blocks in another copy: there are none for the meta",
    )
    prepare.device = CPU
    assert prepare(IMAGES, choose(3, 1, np.arange(20), FRAME, prepare.size, Augment())).shape == (20, 3, 12, 14)
