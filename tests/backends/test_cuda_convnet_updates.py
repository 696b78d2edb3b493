"""Updates after parts of a batch, exported as the update periods of replicated layers in version 2."""

from __future__ import annotations

import pytest
from round_trip import BACKEND, assert_same_net, reimported

from netspec.net import loads

SPEC = """\
net passes rounding=up
gpus 4
[image] input 3x8x8 range=255 mean=image
[c] conv filters=16 kernel=3 init=gaussian(0.1) gpu={c} {c_keys}
[mid] fc outputs=12 init=gaussian(0.1) gpu={mid} {mid_keys}
[out] fc outputs=10 init=gaussian(0.1) gpu={out} {out_keys}
[prob] softmax
train batch=64 optimizer=sgd(lr=0.01) {train}
"""
FOUR, TWO, ONE = "0,1,2,3", "0,1", "0"


def spec(gpus: tuple[str, str, str], keys: tuple[str, str, str], train: str) -> str:
    (c, mid, out), (c_keys, mid_keys, out_keys) = gpus, keys
    return SPEC.format(c=c, mid=mid, out=out, c_keys=c_keys, mid_keys=mid_keys, out_keys=out_keys, train=train)


@pytest.mark.parametrize(
    ("gpus", "keys", "train", "periods"),
    [
        ((FOUR, ONE, ONE), ("", "update_every=1", "update_every=1"), "accumulate=4", ["", "", ""]),
        ((FOUR, ONE, ONE), ("", "update_every=2", ""), "accumulate=4", ["", "2", "4"]),
        ((FOUR, ONE, ONE), ("update_every=2", "update_every=1", ""), "accumulate=4", None),
        ((FOUR, TWO, ONE), ("", "update_every=2", "update_every=1"), "accumulate=4", ["", "", ""]),
        ((FOUR, TWO, TWO), ("", "update_every=1", ""), "accumulate=2", ["", "", "2"]),
        # Without a period, version 2 would update mid and out after each of the four passes.
        ((FOUR, ONE, ONE), ("", "", ""), "", ["", "4", "4"]),
    ],
)
def test_update_periods_of_replicated_layers(
    gpus: tuple[str, str, str], keys: tuple[str, str, str], train: str, periods: list[str] | None
) -> None:
    net = loads(spec(gpus, keys, train))
    files = BACKEND.emit(net)
    assert files.dialect == "v2"
    if periods is None:  # layers replicated on all GPUs compute a whole batch at once
        (warning,) = files.warnings
        assert (warning.code, warning.span.text) == ("left-out-of-cfg", "update_every=2")
        return
    assert files.warnings == ()
    sections = dict(part.partition("]\n")[::2] for part in files.params.split("\n[")[1:])
    assert [sections[name].partition("updatePeriod=")[2].strip() for name in ("c", "mid", "out")] == periods
    again = reimported(files, net.graph)
    assert_same_net(net, again)
    assert again.graph.train.accumulate == net.graph.train.accumulate
    updates = [{key: p.update_every for key, p in n.graph.parameters.items()} for n in (net, again)]
    assert updates[0] == updates[1]


def test_parts_that_differ_from_passes_are_left_out() -> None:
    text = spec((FOUR, ONE, ONE), ("", "update_every=2", "update_every=1"), "accumulate=8")
    files = BACKEND.emit(loads(text))
    assert [(d.code, d.span.text) for d in files.warnings] == [
        ("left-out-of-cfg", "update_every=1"),  # an eighth of a batch, but passes are quarters
        ("left-out-of-cfg", "accumulate=8"),
    ]
    assert "updatePeriod" not in files.params.partition("[mid]")[2].partition("[")[0]
    assert "updatePeriod=4" in files.params.partition("[out]")[2]


def test_2012_updates_once_per_batch() -> None:
    text = spec((ONE, ONE, ONE), ("", "", "update_every=1"), "accumulate=2")
    files = BACKEND.emit(loads(text), "2012")
    assert [(d.span.text, "of 2012 updates weights once a batch" in d.message) for d in files.warnings] == [
        ("update_every=1", True), ("accumulate=2", False),
    ]  # fmt: skip
    assert "updatePeriod" not in files.params
