"""Updates after parts of a batch as the passes that replicas make of it in version 2."""

from __future__ import annotations

import pytest
from written_back import BACKEND, back, same

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
        ((FOUR, ONE, ONE), ("", "", ""), "", ["", "4", "4"]),  # version 2 would update them in each pass
    ],
)
def test_replicas_make_the_parts(
    gpus: tuple[str, str, str], keys: tuple[str, str, str], train: str, periods: list[str] | None
) -> None:
    net = loads(spec(gpus, keys, train))
    made = BACKEND.emit(net)
    assert made.dialect == "v2"
    if periods is None:  # layers with all replicas compute a batch once
        (told,) = made.warnings
        assert (told.code, told.span.text) == ("left-out-of-cfg", "update_every=2")
        return
    assert made.warnings == ()
    sections = dict(part.partition("]\n")[::2] for part in made.params.split("\n[")[1:])
    assert [sections[name].partition("updatePeriod=")[2].strip() for name in ("c", "mid", "out")] == periods
    again = back(made, net.graph)
    same(net, again)
    assert again.graph.train.accumulate == net.graph.train.accumulate
    updates = [{key: p.update_every for key, p in each.graph.parameters.items()} for each in (net, again)]
    assert updates[0] == updates[1]


def test_as_many_images_in_other_parts_are_said_and_others_left_out() -> None:
    text = spec((FOUR, ONE, ONE), ("", "update_every=2", "update_every=1"), "accumulate=8")
    made = BACKEND.emit(loads(text))
    assert [(d.code, d.span.text) for d in made.warnings] == [
        ("left-out-of-cfg", "update_every=1"),  # an eighth of a batch; passes are quarters
        ("left-out-of-cfg", "accumulate=8"),
    ]
    assert "updatePeriod" not in made.params.partition("[mid]")[2].partition("[")[0]
    assert "updatePeriod=4" in made.params.partition("[out]")[2]


def test_2012_updates_once_a_batch() -> None:
    text = spec((ONE, ONE, ONE), ("", "", "update_every=1"), "accumulate=2")
    made = BACKEND.emit(loads(text), "2012")
    assert [(d.span.text, "of 2012 updates weights once a batch" in d.message) for d in made.warnings] == [
        ("update_every=1", True), ("accumulate=2", False),
    ]  # fmt: skip
    assert "updatePeriod" not in made.params
