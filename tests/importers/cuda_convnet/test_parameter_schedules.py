"""Schedules of parameter files: how they set up the graph, and the spec that states them."""

from __future__ import annotations

import pytest
from layerfiles import NORMS, RATES, conv, load, locations, merged_spec, net, params, schedules

from netspec.diff import compare
from netspec.ir.schedules import DiscreteExponential, Exponential, Fixed, JumpingExponential, Linear, Schedule
from netspec.net import loads


@pytest.mark.parametrize(
    ("schedule", "expected", "code"),
    [
        ("default", Fixed(), None),
        ("exp[tgtFactor=1000,noiseStdev=0]", Exponential(0.001), None),
        ("DEXP [ tgtFactor = 250 , noiseStdev=0 , numSteps=4 ]", DiscreteExponential(0.004, 4), None),
        ("linear[tgtFactor=4,noiseStdev=0]", Linear(0.25), None),
        ("dexp[1000,4]", DiscreteExponential(0.001, 4), "cfg-old-habit"),
        ("dexp[250,0,4]", DiscreteExponential(0.004, 4), "cfg-old-habit"),
        ("exp[1000]", Exponential(0.001), "cfg-old-habit"),
        ("jdexp[tgtFactor=500,noiseStdev=0,numSteps=5]", JumpingExponential(0.002, 5), None),
        ("jdexp[500,0.5,5]", JumpingExponential(0.002, 5, 0.5), "cfg-old-habit"),
        ("linear[tgtFactor=2,noiseStdev=1]", Linear(0.5, 1.0), None),
        ("exp[tgtFactor=0.5,noiseStdev=0.25]", Exponential(2.0, 0.25), None),
        ("dexp[tgtFactor=250,noiseStdev=0.1,numSteps=4]", DiscreteExponential(0.004, 4, 0.1), None),
        ("dexp[tgtFactor=0.5,noiseStdev=0,numSteps=4]", DiscreteExponential(2, 4), None),
        ("jdexp[tgtFactor=0.000001,noiseStdev=0,numSteps=4]", JumpingExponential(1e6, 4), None),
        ("dexp[tgtFactor=1e-7,noiseStdev=0,numSteps=2000000]", DiscreteExponential(1e7, 2_000_000), None),
        ("exp[tgtFactor=1e30,noiseStdev=0]", Exponential(1 / 1e30), None),
        ("dexp[tgtFactor=1e-39,noiseStdev=0,numSteps=4]", Fixed(), "cfg-left-out"),
        ("exp[tgtFactor=1e39,noiseStdev=0]", Fixed(), "cfg-left-out"),
    ],
)
def test_schedule_is_read(schedule: str, expected: Schedule, code: str | None) -> None:
    both = f"schedW={schedule}\nschedB={schedule}\n"
    network = load(NORMS, params(c=RATES + both))
    assert network.graph.train.schedule == expected
    assert {d.code for d in network.warnings} == ({code} if code else set())


THREE = net(conv("c", "data", 3) + conv("d", "c", 16) + conv("e", "d", 16), "e")
FALLING = {"lr": "exp[tgtFactor=10,noiseStdev=0]", "bias": "dexp[tgtFactor=5,noiseStdev=0,numSteps=2]"}
USUAL = RATES + f"schedW={FALLING['lr']}\nschedB={FALLING['bias']}\n"
OWN = RATES + "schedW=jdexp[tgtFactor=4,noiseStdev=0,numSteps=3]\n"


def params_of_three(**changed: str) -> str:
    sections = {"c": USUAL, "d": USUAL, "e": USUAL, "out": USUAL, "logprob": "coeff=1\n", **changed}
    return "".join(f"[{name}]\n{text}" for name, text in sections.items())


def test_weights_and_biases_have_separate_schedules() -> None:
    network = load(THREE, params_of_three())
    assert set(schedules(network).values()) == {Exponential(0.1), DiscreteExponential(0.2, 2)}
    assert network.graph.train.bias_schedule == DiscreteExponential(0.2, 2)
    assert network.warnings == ()
    text = merged_spec(THREE, params_of_three())
    (_, train) = text.split("\ntrain ")
    assert train.split()[-3:] == ["schedule=exponential(factor=0.1)", "bias_schedule=dexp(factor=0.2,", "levels=2)"]
    assert text.count("schedule=") == 2


def test_layer_with_another_schedule_states_it() -> None:
    text = params_of_three(d=OWN)
    network = load(THREE, text)
    assert network.warnings == ()
    expected = {f"{name}.{role}": schedule for name in ("c", "e", "out") for role, schedule in (
        ("weight", Exponential(0.1)), ("bias", DiscreteExponential(0.2, 2))
    )}  # fmt: skip
    expected |= {"d.weight": JumpingExponential(0.25, 3), "d.bias": Fixed()}
    assert schedules(network) == expected
    (line,) = [line for line in merged_spec(THREE, text).splitlines() if "jdexp" in line]
    assert line.startswith("[d]") and " schedule=jdexp(factor=0.25, levels=3) " in line
    assert " bias_schedule=constant" in line


def test_schedule_shared_by_a_type_becomes_a_default() -> None:
    """The fully connected layer has most of the weights, so that its schedule is the net's."""
    text = merged_spec(THREE, params_of_three(c=OWN, d=OWN, e=OWN))
    assert [line for line in text.splitlines() if "jdexp" in line] == [
        "default conv  init=gaussian(0.02)  neuron=relu  schedule=jdexp(factor=0.25, levels=3)  bias_lr=0.02  "
        "bias_momentum=0.8"
    ]
    assert "bias_schedule=constant" in text.splitlines()[-1] and "[out]" in text
    assert compare(load(THREE, params_of_three(c=OWN, d=OWN, e=OWN)), loads(text)).same


def test_key_of_one_layer_is_no_default() -> None:
    """The biases of the other layer have the momentum of its weights anyway."""
    fc = "[f]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.01\ngpu=0\n"
    of_f, of_out = (f"epsW={lr}\nepsB=0.02\nmomW={m}\nmomB=0.9\n" for lr, m in (("1", "0.9"), ("1,1", "0.5,0.9")))
    text = merged_spec(net(fc, "f,data"), f"[f]\n{of_f}[out]\n{of_out}[logprob]\ncoeff=1\n")
    (line,) = [line for line in text.splitlines() if "bias_momentum=" in line]
    assert line.startswith("[out]") and "bias_momentum=0.9" in line


def test_rate_of_0_has_no_schedule() -> None:
    frozen = RATES.replace("epsW=0.01", "epsW=0").replace("epsB=0.02", "epsB=0")
    text = merged_spec(THREE, params_of_three(d=frozen + "schedW=exp[tgtFactor=7,noiseStdev=0]\n"))
    assert (text.count("schedule="), text.count("schedule=exponential(factor=0.1)")) == (2, 1)


def test_inexpressible_schedule_is_left_out() -> None:
    network = load(THREE, params_of_three(d=RATES + "schedB=jdexp[tgtFactor=1e-40,noiseStdev=0,numSteps=3]\n"))
    assert locations(network.warnings) == [("cfg-left-out", 15, "jdexp[tgtFactor=1e-40,noiseStdev=0,numSteps=3]")]
    assert schedules(network)["d.bias"] == Fixed()
