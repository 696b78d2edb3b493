"""Schedules of layers and of their biases in the words of cuda-convnet's two versions."""

from __future__ import annotations

from typing import Literal

from netspec import backend
from netspec.net import loads

Dialect = Literal["2012", "v2"]
BACKEND = backend.load("cuda_convnet")

SCHEDULED = """\
net scheduled rounding=up
[image] input 3x16x16 range=255 mean=image
[a] conv filters=16 kernel=3 init=gaussian(0.1) schedule=jdexp(factor=0.002, levels=5, noise=0.5)
[b] conv filters=16 kernel=3 pad=1 init=gaussian(0.1) {}
[c] conv filters=16 kernel=3,1 inputs=a,b pad=1,0 init=gaussian(0.1) lr=0.01,0.02 {}
[d] fc outputs=10 init=gaussian(0.1) bias_lr=0.02
[prob] softmax
train optimizer=sgd(lr=0.01) {}
"""


def scheduled(dialect: Dialect, b: str = "", c: str = "", train: str = "") -> tuple[dict[str, str], list[str]]:
    """The sections of the parameter file by layer, and what is said to be left out, with the key that it is told of."""
    made = BACKEND.emit(loads(SCHEDULED.format(b, c, train)), dialect)
    sections = {part.partition("]")[0]: part.strip() for part in made.params.split("\n[")}
    return sections, [f"{d.message}, {d.span.text.partition('=')[0]}" for d in made.warnings]


def test_each_layer_and_its_biases_have_their_schedule_in_2012() -> None:
    train = "schedule=dexp(0.004, 4) bias_schedule=dexp(0.1, 2)"
    sections, lost = scheduled("2012", "bias_schedule=linear(2)", train=train)
    weights = "schedW=dexp[tgtFactor=250,noiseStdev=0,numSteps=4]\n"
    biases = "schedB=dexp[tgtFactor=10,noiseStdev=0,numSteps=2]"
    assert lost == []
    assert sections["a"].endswith("schedW=jdexp[tgtFactor=500,noiseStdev=0.5,numSteps=5]\n" + biases)
    assert sections["b"].endswith(weights + "schedB=linear[tgtFactor=0.5,noiseStdev=0]")
    assert sections["c"].endswith(weights + biases) and sections["d"].endswith(weights + biases)


def test_version_2_has_neither_jumps_nor_noise_but_a_schedule_for_each_input() -> None:
    sections, lost = scheduled("v2", "bias_schedule=exponential(0.5, noise=1)", "schedule=constant,linear(0.5)")
    assert (
        "epsW=dexp[base=0.01;tgtFactor=500;numSteps=5]\nepsB=dexp[base=0.01;tgtFactor=500;numSteps=5]" in sections["a"]
    )
    assert "epsW=0.01\nepsB=exp[base=0.01;tgtFactor=2]" in sections["b"]
    assert "epsW=0.01,linear[base=0.02;tgtFactor=2]\nepsB=0.01\n" in sections["c"]
    assert lost == [
        "a: version 2 of cuda-convnet has no jdexp; dexp, without its jumps, stands in for it, schedule",
        "a: version 2 of cuda-convnet has no noise in rates; it is left out, schedule",
        "b: version 2 of cuda-convnet has no noise in rates; it is left out, bias_schedule",
    ]


def test_rates_that_rise_in_levels() -> None:
    sections, lost = scheduled("2012", "schedule=jdexp(8, 3)", train="schedule=dexp(1000, 4) bias_schedule=constant")
    assert lost == []
    assert sections["b"].endswith("schedW=jdexp[tgtFactor=0.125,noiseStdev=0,numSteps=3]")
    assert sections["d"].endswith("schedW=dexp[tgtFactor=0.001,noiseStdev=0,numSteps=4]")
    sections, _ = scheduled("v2", train="schedule=dexp(1000, 4)")
    assert "epsB=dexp[base=0.02;tgtFactor=0.001;numSteps=4]" in sections["d"]


def test_2012_has_one_schedule_for_all_inputs() -> None:
    sections, lost = scheduled("2012", c="schedule=constant,linear(0.5)")
    assert "schedW" not in sections["c"] and "epsW=0.01,0.02" in sections["c"]
    assert lost == [
        "c: cuda-convnet of 2012 has one schedule for the weights of all inputs; that of the first is used, schedule"
    ]
    assert scheduled("2012", c="schedule=linear(0.5) bias_schedule=constant")[1] == []


def test_a_schedule_that_neither_has_is_told_where_it_stands() -> None:
    said = "cuda-convnet has no such schedule: the rates stay as they begin"
    _, lost = scheduled("2012", "schedule=steps(5, freeze=9)", "bias_schedule=cosine", "bias_schedule=step(3)")
    assert lost == [f"b: {said}, schedule", f"c: {said}, bias_schedule", f"{said}, bias_schedule"]
    assert scheduled("2012", train="schedule=cosine bias_schedule=constant")[1] == [f"{said}, schedule"]
