"""Learning rates and schedules in version 2's syntax, and negative rates, with which nothing was updated."""

from __future__ import annotations

import pytest
from layerfiles import RATES, VERSION_2, VERSION_2_PARAMS, conv, diagnose, load, net, schedules

from netspec.importers.cuda_convnet import Dialect
from netspec.ir.ops import Dropout
from netspec.ir.schedules import DiscreteExponential, Exponential, Fixed, Linear


def test_version_2_rates_set_schedules_and_base_rates() -> None:
    network = load(VERSION_2, "".join(f"[{name}]\n{text}" for name, text in VERSION_2_PARAMS.items()))
    graph = network.graph
    assert schedules(network) == {
        "c.weight": DiscreteExponential(0.004, 4), "c.bias": Fixed(),
        "out.weight": Fixed(), "out.bias": Fixed(),
    }  # fmt: skip
    assert {key: p.lr for key, p in graph.parameters.items()} == {
        "c.weight": 0.04, "c.bias": 0.02, "out.weight": 0.04, "out.bias": 0.5,
    }  # fmt: skip
    assert graph.nodes["d"].op == Dropout(0.25, "train")
    assert [graph.nodes[n].op for n in graph.layers["e"].inputs] != []


def test_each_input_has_its_own_schedule() -> None:
    both = conv("c", "data", 3) + conv("d", "c,data", 16).replace("channels=16", "channels=16,3").replace(
        "filters=16\nfilterSize=3\npadding=1\ninitW=0.02",
        "filters=16,16\nfilterSize=3,3\npadding=1,1\ninitW=0.02,0.02",
    )
    text = net(both.replace("partialSum=0\n", ""), "d")
    rates = RATES.replace("epsW=0.01", "epsW=exp[base=0.1;tgtFactor=8],linear[base=0.2;tgtFactor=4]")
    rates = rates.replace("momW=0.9", "momW=0.9,0.9").replace("wc=0.0005", "wc=0,0")
    given = {"c": RATES, "d": rates, "out": RATES, "logprob": "coeff=1\n"}
    network = load(text, "".join(f"[{name}]\n{section}" for name, section in given.items()), "v2")
    assert network.warnings == ()
    assert [schedules(network)[f"d.{key}"] for key in ("weights.0", "weights.1", "bias")] == [
        Exponential(0.125), Linear(0.25), Fixed(),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rate",
    [
        "1e-3",
        "-0.01",
        "0.",
        "exp[base=1,tgtFactor=2]",
        "exp[tgtFactor=2;base=1]",
        "dexp[base=1;tgtFactor=2;numSteps=4.0]",
    ],
)
def test_invalid_rate_is_an_error(rate: str) -> None:
    sections = {**VERSION_2_PARAMS, "c": RATES.replace("epsW=0.01", f"epsW={rate}")}
    diagnostics = diagnose(VERSION_2, "".join(f"[{name}]\n{text}" for name, text in sections.items()), dialect="v2")
    assert [d.code for d in diagnostics if d.severity == "error"] == ["bad-value"]


def test_rate_may_start_with_the_decimal_point() -> None:
    sections = {**VERSION_2_PARAMS, "c": RATES.replace("epsW=0.01", "epsW=.01").replace("epsB=0.02", "epsB=.5")}
    parameters = load(VERSION_2, "".join(f"[{name}]\n{text}" for name, text in sections.items()), "v2").graph.parameters
    assert (parameters["c.weight"].lr, parameters["c.bias"].lr) == (0.01, 0.5)


@pytest.mark.parametrize(
    ("dialect", "rate"), [("2012", "-0.01"), ("v2", "const[base=-1]"), ("v2", "linear[base=-0.5;tgtFactor=2]")]
)
def test_negative_rate_is_0_with_a_warning(dialect: Dialect, rate: str) -> None:
    sections = {"c": RATES.replace("epsW=0.01", f"epsW={rate}"), "out": RATES, "logprob": "coeff=1\n"}
    layers = net(conv("c", "data", 3), "c")
    network = load(layers, "".join(f"[{name}]\n{text}" for name, text in sections.items()), dialect)
    assert network.graph.parameters["c.weight"].lr == 0
    assert [(d.code, d.span.text) for d in network.warnings] == [("cfg-left-out", rate)]


@pytest.mark.parametrize(
    "rate",
    [
        "dexp[base=0.5; numSteps=3; tgtFactor=8]",
        "DEXP[tgtfactor=8,base=0.5,numSteps=3]",
        "dexp[base=0.5;tgtFactor=8;numSteps=3] ; three of them",
    ],
)
def test_nearly_correct_schedule_is_corrected_in_a_note(rate: str) -> None:
    sections = {**VERSION_2_PARAMS, "c": RATES.replace("epsW=0.01", f"epsW={rate}")}
    (error,) = diagnose(VERSION_2, "".join(f"[{name}]\n{text}" for name, text in sections.items()))
    assert (error.code, error.span.text) == ("bad-value", rate)
    assert error.notes[-1] == "write epsW=dexp[base=0.5;tgtFactor=8;numSteps=3]"


@pytest.mark.parametrize("rate", ["dexp[base=0.5;numSteps=3;steps=8]", "dexp[base=0.5;tgtFactor=8]", "step[a=1]", "[]"])
def test_incomplete_schedule_gets_no_correction(rate: str) -> None:
    sections = {**VERSION_2_PARAMS, "c": RATES.replace("epsW=0.01", f"epsW={rate}")}
    (error,) = diagnose(VERSION_2, "".join(f"[{name}]\n{text}" for name, text in sections.items()))
    assert (error.code, len(error.notes)) == ("bad-value", 1)


def rates_of_two_inputs(rates: str) -> str:
    """A parameter file for a fully connected layer that reads two layers."""
    section = f"epsW={rates}\nepsB=0\nmomW=0.9\nmomB=0.9\n"
    return f"[c]\n{RATES}[out]\n{section}[logprob]\ncoeff=1\n"


@pytest.mark.parametrize(
    ("rates", "used", "ignored"),
    [
        ("0.5,1e-3", 0.5, ["version 2 could not read epsW=1e-3; it used 0.5 for all inputs"]),
        (
            "const[base=1], exp[base=0.25;tgtFactor=2]",
            1,
            ["version 2 could not read epsW=exp[base=0.25;tgtFactor=2]; it used const[base=1] for all inputs"],
        ),
        ("const[base=0.5], const[base=0.5]", 0.5, []),
        ("0.5, 0.5", 0.5, []),
    ],
)
def test_only_readable_rate_of_a_list_is_used_for_all_inputs(rates: str, used: float, ignored: list[str]) -> None:
    layers = net(conv("c", "data", 3), "c,data").replace("partialSum=0\n", "")
    network = load(layers, rates_of_two_inputs(rates), "v2")
    assert [network.graph.parameters[f"out.weights.{i}"].lr for i in range(2)] == [used, used]
    assert [d.message.removeprefix("out: ") for d in network.warnings] == ignored


@pytest.mark.parametrize("rates", ["1e-3,exp[base=1]", "0.1, exp[base=1;tgtFactor=2],0.1"])
def test_list_with_no_or_several_readable_rates_is_an_error(rates: str) -> None:
    reads = "c,data,c" if rates.count(",") == 2 else "c,data"
    layers = net(conv("c", "data", 3), reads).replace("partialSum=0\n", "")
    errors = [d for d in diagnose(layers, rates_of_two_inputs(rates), "v2") if d.severity == "error"]
    assert [(d.code, d.span.text) for d in errors] == [("bad-value", rates)]
    assert ("a schedule in a list has no space before it" in errors[0].notes) == (reads == "c,data,c")
