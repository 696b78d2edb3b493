"""Layers with different numbers of replicas: the passes of a batch, and the update periods of weights."""

from __future__ import annotations

import pytest
from layerfiles import DATA, RATES, conv, diagnose, load

LAYERS = (
    DATA
    + conv("c", "data", 3, gpu=0).replace("gpu=0", "gpu={c}")
    + "[mid]\ntype=fc\ninputs=c\noutputs=12\nneuron=relu\ninitW=0.1\ngpu={mid}\n"
    + "[out]\ntype=fc\ninputs=mid\noutputs=10\ninitW=0.1\ngpu={out}\n"
    + "[probs]\ntype=softmax\ninputs=out\n[logprob]\ntype=cost.logreg\ninputs=labels,probs\ngpu={out}\n"
).replace("partialSum=0\n", "")


def files(c: str, mid: str, out: str, *periods: int) -> tuple[str, str]:
    """A layer file with layers on these GPUs, and a parameter file with their ``updatePeriod`` (0: no such key)."""
    keys = [f"updatePeriod={period}\n" if period else "" for period in periods] + [""] * (3 - len(periods))
    params = "".join(f"[{name}]\n{RATES}{key}" for name, key in zip(("c", "mid", "out"), keys, strict=True))
    return LAYERS.format(c=c, mid=mid, out=out), params + "[logprob]\ncoeff=1\n"


FOUR, TWO, ONE = "0,1,2,3", "0,1", "0"


@pytest.mark.parametrize(
    ("gpus", "periods", "parts", "updates"),
    [
        ((FOUR, ONE, ONE), (), 4, (None, 1, 1)),
        ((FOUR, ONE, ONE), (0, 1, 2), 4, (None, 1, 2)),
        ((FOUR, ONE, ONE), (4, 4, 1), 4, (None, None, 1)),
        ((FOUR, TWO, ONE), (), 4, (None, 2, 1)),  # the middle is active in every second pass
        ((FOUR, TWO, ONE), (0, 4, 2), 4, (None, None, 2)),
        ((FOUR, TWO, TWO), (), 2, (None, 1, 1)),
        ((TWO, ONE, ONE), (0, 2, 2), 1, (None, None, None)),  # all are updated once per batch: no parts are needed
        ((TWO, TWO, TWO), (1, 0, 0), 1, (None, None, None)),
        ((ONE, ONE, ONE), (1, 1, 0), 1, (None, None, None)),
    ],
)
def test_passes_become_parts_of_a_batch(
    gpus: tuple[str, str, str], periods: tuple[int, ...], parts: int, updates: tuple[int | None, ...]
) -> None:
    layers, params = files(*gpus, *periods)
    net = load(layers, params, "v2")
    assert net.warnings == ()
    graph = net.graph
    assert graph.train.accumulate == parts
    for name, period in zip(("c", "mid", "out"), updates, strict=True):
        assert {p.update_every for p in graph.parameters_of(name)} == {period}


@pytest.mark.parametrize(
    ("gpus", "periods", "batch", "parts", "updates"),
    [
        ((ONE, ONE, ONE), (2, 2, 2), 256, 2, (None, None, None)),
        ((ONE, ONE, ONE), (0, 0, 2), 256, 2, (1, 1, None)),
        ((FOUR, ONE, ONE), (0, 0, 8), 256, 8, (4, 1, None)),
        ((FOUR, ONE, ONE), (0, 0, 3), 384, 12, (4, 1, 3)),  # the 12 passes of three batches
        ((FOUR, FOUR, FOUR), (3, 3, 2), 768, 6, (3, 3, 2)),
    ],
)
def test_periods_of_several_batches_enlarge_the_batch(
    gpus: tuple[str, str, str], periods: tuple[int, ...], batch: int, parts: int, updates: tuple[int | None, ...]
) -> None:
    net = load(*files(*gpus, *periods), "v2")
    assert net.warnings == ()
    train = net.graph.train
    assert (train.batch, train.accumulate) == (batch, parts)
    for name, period in zip(("c", "mid", "out"), updates, strict=True):
        assert {p.update_every for p in net.graph.parameters_of(name)} == {period}


def test_period_must_be_a_multiple_of_a_layers_active_passes() -> None:
    """Version 2's ``layer.cu`` refused such a period, too."""
    (error,) = diagnose(*files(FOUR, TWO, ONE, 0, 1), "v2")
    assert (error.code, error.severity, error.span.text) == ("bad-value", "error", "1")
    reason = "updatePeriod=1 is not a multiple of 2, and its replicas are active in one of 2 passes"
    assert error.message.partition(": ")[2] == reason


def test_long_common_period_gives_a_large_batch() -> None:
    net = load(*files(ONE, ONE, ONE, 0, 30, 2003), "v2")
    assert net.warnings == ()
    assert (net.graph.train.batch, net.graph.train.accumulate) == (30 * 2003 * 128, 30 * 2003)


def test_periods_with_a_too_large_common_batch_are_left_out() -> None:
    net = load(*files(ONE, ONE, ONE, 0, 65537, 2003), "v2")
    assert [(d.code, d.span.text) for d in net.warnings] == [("cfg-left-out", "65537")]
    assert (
        "together only after 16,802,638,208 images, and a spec's batch has at most 2,147,483,648"
        in net.warnings[0].message
    )
    assert (net.graph.train.batch, net.graph.train.accumulate) == (128, 1)


def test_frozen_layers_do_not_split_the_batch() -> None:
    layers, params = files(FOUR, ONE, ONE)
    frozen = params.replace("[mid]\nepsW=0.01\nepsB=0.02", "[mid]\nepsW=0\nepsB=0")
    assert load(layers, frozen, "v2").graph.parameters["mid.weight"].update_every is None
    frozen = frozen.replace("[out]\nepsW=0.01\nepsB=0.02", "[out]\nepsW=0\nepsB=0")
    assert load(layers, frozen, "v2").graph.train.accumulate == 1


def test_layer_with_shared_weights_updates_its_own_biases() -> None:
    layers, params = files(FOUR, ONE, ONE)
    shared = layers.replace("[out]", "[mid2]\ntype=fc\ninputs=c\noutputs=12\ninitW=0.1\nweightSource=mid\ngpu=0\n[out]")
    shared = shared.replace("inputs=mid\noutputs=10\ninitW=0.1", "inputs=mid,mid2\noutputs=10\ninitW=0.1,0.1")
    net = load(shared, params + f"[mid2]\n{RATES}", "v2")
    assert net.warnings == ()
    assert {key: p.update_every for key, p in net.graph.parameters.items() if key.startswith("mid")} == {
        "mid.weight": 1, "mid.bias": 1, "mid2.bias": 1,
    }  # fmt: skip
