"""Costs of 2012 that are losses of their own, and costs that are maximised."""

from __future__ import annotations

import pytest
from layerfiles import DATA, RATES, conv, diagnose, load, net

from netspec.ir.ops import CrossEntropy, GatedSumSquares, SetCrossEntropy, SumSquares, Topographic
from netspec.ir.shape import Shape

IMAGE = DATA.partition("[labels]")[0]
FC = "[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n"
GATED = FC + "[g]\ntype=fc\ninputs=f\noutputs=1\ninitW=0.1\n[c]\ntype=cost.gsum2\ninputs=g,f\ngpu=0\n"
TICA = conv("c1", "data", 3) + "[c]\ntype=cost.tica\ninputs=c1\nchannels=16\nsizeX=3\n"
MSM = FC + "[c]\ntype=cost.msm\ninputs=labels,f\ngpu=0\n"


def rates(*layers: str, cost: str) -> str:
    return "".join(f"[{name}]\n{RATES}" for name in layers) + f"[c]\n{cost}\n"


def test_gsum2_becomes_gated_sum_squares() -> None:
    network = load(IMAGE + GATED, rates("f", "g", cost="coeff=0.5"))
    (loss,) = network.graph.losses
    assert (loss.op, loss.inputs, network.warnings) == (GatedSumSquares(0.5), ("g", "f"), ())


OVER_LABELS = FC.replace("[f]", "[h]") + "[c]\ntype=cost.gsum2\ninputs=labels,h\ngpu=0\n"
OVER_LABELS_RATES = rates("h", "out", cost="coeff=0.5\n[logprob]\ncoeff=1")


def test_gate_can_be_the_class() -> None:
    network = load(net(OVER_LABELS, "h"), OVER_LABELS_RATES)
    loss, _ = network.graph.losses
    assert (loss.op, loss.inputs, network.warnings) == (SumSquares(0.5, gate="class"), ("h",), ())
    without_logreg = load(DATA + OVER_LABELS, rates("h", cost="coeff=1"))
    assert [loss.op for loss in without_logreg.graph.losses] == [SumSquares(gate="class")]


GATES = {
    "no cost defines the classes": (DATA.replace("dataIdx=1", "dataIdx=2") + OVER_LABELS, "h", 2, 1),
    "a cost.logreg defines the classes": (
        "[more]\ntype=data\ndataIdx=1\n"
        + net(OVER_LABELS, "h").replace("dataIdx=1", "dataIdx=3").replace("inputs=labels,h", "inputs=more,h"),
        "h,out",
        1,
        3,
    ),
}


@pytest.mark.parametrize("case", GATES)
def test_gsum2_gated_by_other_data_is_left_out(case: str) -> None:
    text, layers, index, classes = GATES[case]
    diagnostics = diagnose(
        text, rates(*layers.split(","), cost="coeff=1\n[logprob]\ncoeff=1" if "out" in layers else "coeff=1")
    )
    assert [d.code for d in diagnostics] == ["cfg-left-out"]
    assert f"a matrix of data (dataIdx={index}), neither the images nor" in diagnostics[0].message
    assert diagnostics[0].notes == (f"the numbers of the classes are dataIdx={classes}; a spec has no other data",)


def test_gate_can_be_an_image_of_one_number() -> None:
    text = IMAGE + FC + "[c]\ntype=cost.gsum2\ninputs=data,f\ngpu=0\n"
    (loss,) = load(text, rates("f", cost="coeff=1"), "2012", Shape(1)).graph.losses
    assert (loss.op, loss.inputs) == (GatedSumSquares(), ("data", "f"))


def test_tica_becomes_topographic_sparsity() -> None:
    network = load(IMAGE + TICA, rates("c1", cost="coeff=0.25"), "2012")
    (loss,) = network.graph.losses
    assert (loss.op, loss.inputs, network.warnings) == (Topographic(0.25, size=3), ("c1",), ())


def test_even_tica_window_gives_a_warning() -> None:
    network = load(IMAGE + TICA.replace("sizeX=3", "sizeX=4"), rates("c1", cost="coeff=1"), "2012")
    assert [(d.code, d.span.text) for d in network.warnings] == [("cfg-substitute", "4")]
    assert [loss.op for loss in network.graph.losses] == [Topographic(size=4)]


@pytest.mark.parametrize(
    ("size", "op"), [(1, SetCrossEntropy()), (3, SetCrossEntropy(size=3)), (4, SetCrossEntropy(size=4))]
)
def test_msm_becomes_set_cross_entropy(size: int, op: SetCrossEntropy) -> None:
    network = load(DATA + MSM, rates("f", cost=f"coeff=1\nsetSize={size}\nthreads=4"))
    (loss,) = network.graph.losses
    assert (loss.op, loss.inputs) == (op, ("f",))
    assert network.warnings == ()
    assert network.graph.scores.name == "f"


@pytest.mark.parametrize(
    ("cost", "code", "underlined"),
    [
        ("coeff=1\nsetSize=5\nthreads=4", "bad-value", "5"),  # there are 5 classes
        ("coeff=1\nsetSize=0\nthreads=4", "bad-value", "0"),
        ("coeff=1\nsetSize=2\nthreads=33", "bad-value", "33"),
        ("coeff=1\nsetSize=2", "missing-key", "[c]"),
        ("coeff=1\nthreads=4", "missing-key", "[c]"),
        ("setSize=2\nthreads=4", "missing-key", "[c]"),
    ],
)
def test_invalid_msm_parameters_are_errors(cost: str, code: str, underlined: str) -> None:
    diagnostics = diagnose(DATA + MSM, rates("f", cost=cost))
    assert [(d.code, d.span.text) for d in diagnostics] == [(code, underlined)]


def test_msm_without_parameters_uses_sets_of_one_class() -> None:
    network = load(DATA + MSM)
    assert ("cfg-substitute", "cost.msm") in {(d.code, d.span.text) for d in network.warnings}
    assert [loss.op for loss in network.graph.losses] == [SetCrossEntropy()]


def test_cost_with_negative_coefficient_is_maximised() -> None:
    text = net(FC.replace("[f]", "[h]"), "h")
    params = "".join(f"[{name}]\n{RATES}" for name in ("h", "out")) + "[logprob]\ncoeff=-0.5\n"
    network = load(text, params)
    assert ([loss.op for loss in network.graph.losses], network.warnings) == ([CrossEntropy(-0.5)], ())


def test_cost_over_scores_is_told_of_their_softmax() -> None:
    relu = "[r]\ntype=neuron\nneuron=relu\ninputs=out\n"  # reads the scores, too
    whole = net(FC, "f").replace("[probs]", f"{relu}[probs]").replace("inputs=labels,probs", "inputs=labels,out")
    (error,) = [d for d in diagnose(whole) if d.code == "wrong-inputs"]
    assert error.notes == ("probs is the softmax of out: inputs=labels,probs",)
    (error,) = [d for d in diagnose(net(FC, "f").replace("type=softmax", "type=concat")) if d.code == "wrong-inputs"]
    assert error.notes == ()


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("cost.logrge", "; did you mean cost.logreg?"),
        ("cots.logreg", "; did you mean cost.logreg?"),
        ("logreg", "cost.logreg?"),
        ("cost.locrank", ""),
        ("cost.l2-reg", ""),
    ],
)
def test_unknown_cost_is_compared_with_costs(word: str, hint: str) -> None:
    """It may be a cost, so it may read labels: there is no second error."""
    (error,) = diagnose(net(FC, "f").replace("cost.logreg", word))
    assert error.code == "unknown-type"
    assert error.message.endswith(hint or f"there is no layer type '{word}'")
    assert error.notes[0].startswith("the costs: cost.logreg, ") == word.startswith("cost.")


@pytest.mark.parametrize(("section", "hint"), [("cost.logrge", "; did you mean cost.logreg?"), ("cost.l2-reg", "")])
def test_parameters_of_an_unknown_cost_are_compared_with_costs(section: str, hint: str) -> None:
    text = net(FC, "f").replace("[logprob]", "[cost.logreg]")
    params = "".join(f"[{name}]\n{RATES}" for name in ("f", "out")) + f"[{section}]\ncoeff=1\n"
    (unmatched,) = [d for d in diagnose(text, params) if d.code == "cfg-unmatched-section"]
    assert unmatched.message == f"there is no layer {section}{hint}"
