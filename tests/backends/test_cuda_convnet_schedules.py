"""Schedules of layers and their biases in the files of both versions of cuda-convnet."""

from __future__ import annotations

from typing import Literal

from netspec import backend
from netspec.net import loads

Dialect = Literal["2012", "v2"]
BACKEND = backend.load("cuda_convnet")

SPEC = """\
net scheduled rounding=up
[image] input 3x16x16 range=255 mean=image
[a] conv filters=16 kernel=3 init=gaussian(0.1) schedule=jdexp(factor=0.002, levels=5, noise=0.5)
[b] conv filters=16 kernel=3 pad=1 init=gaussian(0.1) {}
[c] conv filters=16 kernel=3,1 inputs=a,b pad=1,0 init=gaussian(0.1) lr=0.01,0.02 {}
[d] fc outputs=10 init=gaussian(0.1) bias_lr=0.02
[prob] softmax
train optimizer=sgd(lr=0.01) {}
"""


def emit(dialect: Dialect, b: str = "", c: str = "", train: str = "") -> tuple[dict[str, str], list[str]]:
    """Return the parameter file's sections by layer, and the warnings, each followed by the key at which it points."""
    files = BACKEND.emit(loads(SPEC.format(b, c, train)), dialect)
    sections = {part.partition("]")[0]: part.strip() for part in files.params.split("\n[")}
    return sections, [f"{d.message}, {d.span.text.partition('=')[0]}" for d in files.warnings]


def test_2012_has_schedules_for_weights_and_biases_of_each_layer() -> None:
    train = "schedule=dexp(0.004, 4) bias_schedule=dexp(0.1, 2)"
    sections, warnings = emit("2012", "bias_schedule=linear(2)", train=train)
    weights = "schedW=dexp[tgtFactor=250,noiseStdev=0,numSteps=4]\n"
    biases = "schedB=dexp[tgtFactor=10,noiseStdev=0,numSteps=2]"
    assert warnings == []
    assert sections["a"].endswith("schedW=jdexp[tgtFactor=500,noiseStdev=0.5,numSteps=5]\n" + biases)
    assert sections["b"].endswith(weights + "schedB=linear[tgtFactor=0.5,noiseStdev=0]")
    assert sections["c"].endswith(weights + biases) and sections["d"].endswith(weights + biases)


def test_version_2_has_schedules_per_input_but_no_jumps_or_noise() -> None:
    sections, warnings = emit("v2", "bias_schedule=exponential(0.5, noise=1)", "schedule=constant,linear(0.5)")
    assert (
        "epsW=dexp[base=0.01;tgtFactor=500;numSteps=5]\nepsB=dexp[base=0.01;tgtFactor=500;numSteps=5]" in sections["a"]
    )
    assert "epsW=0.01\nepsB=exp[base=0.01;tgtFactor=2]" in sections["b"]
    assert "epsW=0.01,linear[base=0.02;tgtFactor=2]\nepsB=0.01\n" in sections["c"]
    assert warnings == [
        "a: version 2 of cuda-convnet has no jdexp; netspec writes dexp, which has no jumps, schedule",
        "a: version 2 of cuda-convnet has no noise in rates; it is left out, schedule",
        "b: version 2 of cuda-convnet has no noise in rates; it is left out, bias_schedule",
    ]


def test_rising_schedules() -> None:
    sections, warnings = emit("2012", "schedule=jdexp(8, 3)", train="schedule=dexp(1000, 4) bias_schedule=constant")
    assert warnings == []
    assert sections["b"].endswith("schedW=jdexp[tgtFactor=0.125,noiseStdev=0,numSteps=3]")
    assert sections["d"].endswith("schedW=dexp[tgtFactor=0.001,noiseStdev=0,numSteps=4]")
    sections, _ = emit("v2", train="schedule=dexp(1000, 4)")
    assert "epsB=dexp[base=0.02;tgtFactor=0.001;numSteps=4]" in sections["d"]


def test_2012_uses_the_first_of_several_schedules() -> None:
    sections, warnings = emit("2012", c="schedule=constant,linear(0.5)")
    assert "schedW" not in sections["c"] and "epsW=0.01,0.02" in sections["c"]
    assert warnings == [
        "c: cuda-convnet of 2012 has one schedule for the weights of all inputs; that of the first is used, schedule"
    ]
    assert emit("2012", c="schedule=linear(0.5) bias_schedule=constant")[1] == []


def test_unknown_schedules_give_warnings_at_their_keys() -> None:
    message = "cuda-convnet has no such schedule: the rates keep their full values"
    _, warnings = emit("2012", "schedule=steps(5, freeze=9)", "bias_schedule=cosine", "bias_schedule=step(3)")
    assert warnings == [f"b: {message}, schedule", f"c: {message}, bias_schedule", f"{message}, bias_schedule"]
    assert emit("2012", train="schedule=cosine bias_schedule=constant")[1] == [f"{message}, schedule"]
