"""The sections [net] and [crop] as the input, train, augment and test lines."""

from __future__ import annotations

import math
from collections.abc import Mapping

import darknet_networks as published
import pytest

from netspec.diagnostics import Diagnostic
from netspec.ir.shape import Shape
from netspec.net import Net, import_darknet
from netspec.source import Source
from netspec.train.learning.schedule import Watch, factor

LAYERS = "[convolutional]\nfilters=9\n[avgpool]\n[softmax]\n"
HOW = "height=8\nwidth=8\nchannels=3\nbatch=64\nmax_batches=1000\nlearning_rate=0.1\n"


def network(options: str, layers: str = LAYERS) -> Net:
    return import_darknet(Source("a.cfg", f"[net]\n{HOW}{options}\n{layers}")).net


def left_out(net: Net) -> tuple[str, ...]:
    assert [warning.code for warning in net.warnings] in ([], ["darknet-left-out"])
    warnings: tuple[Diagnostic, ...] = net.warnings
    return tuple(note.partition(": ")[2] for warning in warnings for note in warning.notes)


def line(net: Net, word: str) -> str:
    """Return a line of the spec with the lines that continue it."""
    text = " ".join(net.source.text.split("\n\n")[-1].split())
    rest = text.partition(f"{word} ")[2]
    return min((rest.partition(f" {other} ")[0] for other in ("train", "augment", "test")), key=len)


def test_lines_of_a_classifier() -> None:
    net = import_darknet(Source("a.cfg", published.darknet19())).net
    assert line(net, "train") == (
        "steps=1600000 batch=128 accumulate=4 optimizer=sgd(lr=0.1, momentum=0.9, weight_decay=0.0005) "
        "schedule=poly(power=4)"
    )
    assert line(net, "augment") == "crop=224 from=224,448 flip=horizontal"
    assert line(net, "test") == "from=224"
    assert left_out(net) == () and net.unstated == {"testing", "placement"}


def darknets_rate(policy: str, batch: int, o: Mapping[str, float]) -> float:
    """``get_current_rate`` of src/network.c, divided by learning_rate."""
    match policy:
        case "poly":
            return (1 - batch / 1000) ** o.get("power", 4)
        case "step":
            return o["scale"] ** (batch // o["step"])
        case "exp":
            return o["gamma"] ** batch
        case "sigmoid":
            return 1 / (1 + math.exp(o["gamma"] * (batch - o["step"])))
    return 1.0


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        ("constant", {}), ("poly", {}), ("poly", {"power": 2}), ("step", {"step": 100, "scale": 0.5}),
        ("exp", {"gamma": 0.99}), ("sigmoid", {"gamma": 0.01, "step": 300}),
    ],
)  # fmt: skip
def test_rates_are_those_of_darknet(policy: str, options: dict[str, float]) -> None:
    net = network(f"policy={policy}\n" + "".join(f"{key}={value}\n" for key, value in options.items()))
    for step in (0, 1, 99, 100, 101, 350, 999):
        found = factor(net.graph.train.schedule, step=step, epoch=step / 100, progress=step / 1000, watch=Watch())
        assert found == pytest.approx(darknets_rate(policy, step, options))


@pytest.mark.parametrize(
    ("options", "schedule", "note"),
    [
        ("policy=steps\nsteps=100,200\nscales=.1,.1", "steps(100, 200, factor=0.1, unit=steps)", ""),
        ("policy=steps\nsteps=100,200\nscales=.1,.5", "", "policy=steps with its numbers"),
        ("policy=steps\nsteps=-1,100\nscales=.1,10", "", "policy=steps with its numbers"),
        ("policy=random", "", "policy=random with its numbers"),
        ("policy=sgdr", "", "policy=sgdr with its numbers"),
        ("burn_in=100\npolicy=poly", "poly(power=4) warmup=steps(100)", "burn_in=100: the rate rises with the power 4"),
        ("burn_in=100\npower=1\npolicy=constant", "warmup=steps(100)", ""),
        ("policy=poly\nmax_batches=0", "poly(power=4)", "max_batches is stated a second time"),
    ],
)
def test_schedules(options: str, schedule: str, note: str) -> None:
    net = network(options)
    train = line(net, "train")
    assert train.partition("weight_decay=0.0001) ")[2].removeprefix("schedule=") == schedule
    notes = left_out(net)
    assert any(note in found for found in notes) if note else not notes


def test_adam() -> None:
    net = network("adam=1\nB1=.8\nB2=.99\neps=1e-6\ndecay=0\n")
    assert "optimizer=adam(lr=0.1, beta1=0.8, beta2=0.99, eps=1e-06)" in line(net, "train")
    assert not any(warning.code == "darknet-left-out" for warning in net.warnings)
    (*_, warning) = network("adam=1\n").warnings
    assert tuple(note.partition(": ")[2] for note in warning.notes) == (
        "eps is not stated: 1e-7 is assumed, as in pjreddie's Darknet; AlexeyAB's takes 1e-6",
    )


def test_batch_of_a_test_is_left_out() -> None:
    net = import_darknet(Source("a.cfg", published.alexnet())).net
    assert "batch" not in line(net, "train")
    assert left_out(net) == ("batch=1, with which Darknet tests; --set train.batch=128 states another",)


@pytest.mark.parametrize(
    ("options", "augment", "test"),
    [
        ("min_crop=8\nmax_crop=12", "crop=8 from=8,12 flip=horizontal", "from=8"),
        ("min_crop=8\nmax_crop=8", "crop=8 from=8 flip=horizontal", ""),
        ("flip=0\nmax_crop=12", "crop=8 from=8,12", "from=8"),
        ("min_crop=12\nmax_crop=9", "crop=8 from=9,12 flip=horizontal", "from=8"),
        ("min_crop=4\nmax_crop=12", "crop=8 from=8,12 flip=horizontal", "from=8"),
    ],
)
def test_crops(options: str, augment: str, test: str) -> None:
    net = network(options)
    assert (line(net, "augment"), line(net, "test")) == (augment, test)
    assert ("crops from images of 4 to 12 pixels, of which a spec cuts none below 8" in left_out(net)) is (
        "min_crop=4" in options
    )


def test_section_crop_is_how_images_are_prepared() -> None:
    """``forward_crop_layer`` computes 2 x - 1 = (x - 0.5) / 0.5 of pixels from 0 to 1."""
    net = import_darknet(Source("a.cfg", published.strided())).net
    assert "[data] input 3x224x224 mean=0.5 std=0.5" in " ".join(net.source.text.split())
    assert line(net, "augment") == "crop=224 from=256 flip=horizontal"
    plain = import_darknet(Source("a.cfg", published.strided().replace("flip=1", "noadjust=1"))).net
    assert "mean" not in plain.source.text and line(plain, "augment") == "crop=224 from=256"


def test_what_a_spec_does_not_have_is_listed_with_its_lines() -> None:
    layers = "[convolutional]\nfilters=9\nlearning_rate=2\nstopbackward=1\n[avgpool]\n[cost]\ntype=L1\n"
    net = network("hue=.1\nsaturation=.75\nexposure=1\nmosaic=1\nletter_box=0\n", layers)
    (warning,) = net.warnings
    assert warning.notes == (
        "line 1: of [net]: saturation=.75, hue=.1, mosaic=1",
        "line 14: of [convolutional]: stopbackward=1, learning_rate=2",
        "line 19: the loss [cost] type=L1: a spec's is the cross-entropy of a softmax",
    )


@pytest.mark.parametrize(
    ("layers", "note"),
    [
        ("[softmax]\n[cost]\ntype=sse\n", ""),
        ("[softmax]\n[cost]\nscale=2\n", "of [cost]: scale=2"),
        ("[cost]\n", "the loss [cost] type=sse: a spec's is the cross-entropy of a softmax"),
        ("[logistic]\n", "the loss of [logistic], which is that of each score alone"),
    ],
)
def test_losses(layers: str, note: str) -> None:
    assert left_out(network("", f"[convolutional]\nfilters=9\n[avgpool]\n{layers}")) == (note,) * bool(note)


def test_crops_for_an_input_that_is_no_square_are_left_out() -> None:
    net = import_darknet(Source("a.cfg", f"[net]\n{HOW}flip=0\nmax_crop=9\n{LAYERS}".replace("width=8", "width=9"))).net
    assert left_out(net) == ("max_crop, flip: a spec cuts squares for an input that is one",)


def test_dropout_works_in_place() -> None:
    """``forward_dropout_layer`` changes the output of the layer before, which a shortcut to that layer adds."""
    layers = "[convolutional]\n[convolutional]\n[dropout]\nprobability=.5\n[shortcut]\nfrom=-2\n[shortcut]\nfrom=0\n"
    graph = network("", layers).graph
    assert [graph.nodes[name].inputs for name in ("sum3", "sum4")] == [("dropout2", "dropout2"), ("sum3", "conv0")]


def test_input_of_a_vector_and_of_another_size() -> None:
    net = import_darknet(Source("a.cfg", "[net]\ninputs=30\nbatch=8\n[connected]\noutput=3\n[softmax]\n")).net
    assert net["data"].output == (30,) and net["fc0"].output == (3,)
    larger = import_darknet(Source("a.cfg", published.tiny()), Shape(3, 448, 448)).net
    assert larger["conv19"].output == (1000, 28, 28) and "crop=448 from=448 flip" in line(larger, "augment")
