"""Parameter files: how they set up the graph, and the diagnostics about them. Schedules and bounds have own files."""

from __future__ import annotations

import numpy as np
import pytest
from computed import values
from layerfiles import (
    NORMS,
    RATES,
    VERSION_2,
    VERSION_2_PARAMS,
    conv,
    diagnose,
    load,
    locations,
    merged_spec,
    net,
    params,
)

from netspec.importers.cuda_convnet import Dialect
from netspec.ir.ops import Dropout, Lrn, MapNorm
from netspec.ir.rules import Sgd


def test_rates_reach_the_graphs_parameters() -> None:
    graph = load(NORMS, params()).graph
    rates = {key: (p.lr, p.momentum, p.decay) for key, p in graph.parameters.items()}
    assert rates == {
        "c.weight": (0.01, 0.9, 0.0005),
        "c.bias": (0.02, 0.8, 0.0),
        "out.weight": (0.0, 0.9, 0.0005),  # the net's decay, without effect at a rate of 0
        "out.bias": (0.0, 0.9, 0.0),
    }
    assert (graph.train.lr, graph.train.rule, graph.train.weight_decay) == (0.01, Sgd(0.9), 0.0005)


def test_norm_parameters_reach_the_operations() -> None:
    nodes = load(NORMS, params()).graph.nodes
    assert nodes["n"].op == Lrn(5, 2.0, 0.0001 / 5, 0.5)
    assert nodes["m"].op == MapNorm(3, 1.0, 0.001 / 9, 0.75)


def test_min_div_of_rnorm_is_ignored_in_2012() -> None:
    network = load(NORMS, params(m="scale=1\npow=0.75\nminDiv=2\n"))
    assert network.graph.nodes["m"].op == MapNorm(3, 1.0, 1 / 9, 0.75)
    assert [(d.code, d.span.text) for d in network.warnings] == [("cfg-ignored-key", "minDiv")]


def test_hs_is_dropout_with_scaling_at_test_time() -> None:
    nodes = load(NORMS, params()).graph.nodes
    assert nodes["h"].op == Dropout(0.25, "test")


def test_disabled_hs_still_multiplies() -> None:
    op = load(NORMS, params(h="enable=false\n")).graph.nodes["h"].op
    assert (type(op).__name__, getattr(op, "a", None)) == ("LinearNeuron", 0.75)


def test_layer_that_becomes_a_factor_keeps_its_neuron() -> None:
    text = NORMS.replace("keep=0.75\n", "keep=0.75\nneuron=relu\n")
    graph = load(text, params(h="enable=false\n")).graph
    computed = values(graph)
    np.testing.assert_allclose(computed["h_neuron"], np.maximum(0, 0.75 * computed["m"]))
    weighted_sum = conv("c", "data", 3) + "[s]\ntype=eltsum\ninputs=c\ncoeffs=-2\nneuron=relu\n"
    computed = values(load(net(weighted_sum, "s")).graph)
    np.testing.assert_allclose(computed["s_neuron"], np.maximum(0, -2 * computed["c"]))


def test_cost_with_a_coefficient_is_an_explicit_loss() -> None:
    assert not load(NORMS, params()).graph.losses
    assert [n.op.weight for n in load(NORMS, params(logprob="coeff=0.5")).graph.losses] == [0.5]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("section", "text", "code", "underlined"),
    [
        ("c", RATES.replace("epsW=0.01", "epsW=0.01,0.01"), "bad-value", "0.01,0.01"),
        ("c", RATES.replace("momW=0.9\n", ""), "missing-key", "[c]"),
        ("c", RATES.replace("momW=0.9", "momW=1"), "bad-value", "1"),
        ("c", RATES.replace("momB=0.8", "momB=-0.5"), "bad-value", "-0.5"),
        ("c", RATES.replace("wc=0.0005", "wc=-3"), "bad-value", "-3"),
        ("n", "scale=-1\npow=0.5\n", "bad-value", "-1"),
        ("n", "scale=1\npow=0.5\nminDiv=0\n", "bad-value", "0"),
        ("c", RATES + "schedW=dexp\n", "bad-value", "dexp"),
        ("c", RATES + "schedW=dexp[numSteps=4,tgtFactor=250,noiseStdev=0]\n", "bad-value",
         "dexp[numSteps=4,tgtFactor=250,noiseStdev=0]"),
        ("c", RATES + "schedW=exp[0]\n", "bad-value", "exp[0]"),
        ("c", RATES + "wcNormMin=0.2\nwcNormMax=0.1\n", "bad-value", "0.2"),
        ("n", "scale=1\n", "missing-key", "[n]"),
        ("h", "enable=maybe\n", "bad-value", "maybe"),
        ("probs", "quantF=quarter\n", "bad-value", "quarter"),
        ("logprob", "topk=5\n", "missing-key", "[logprob]"),
        ("c", None, "cfg-no-section", "[c]"),
    ],
)  # fmt: skip
def test_invalid_parameter_is_an_error(section: str, text: str | None, code: str, underlined: str) -> None:
    diagnostics = diagnose(NORMS, params(**{section: text}))
    assert [(d.code, d.span.text) for d in diagnostics if d.severity == "error"] == [(code, underlined)]


@pytest.mark.parametrize(
    ("section", "text", "code", "underlined"),
    [
        ("c", RATES + "sched=exp[10]\n", "cfg-ignored-key", "sched"),
        ("c", RATES + "quantF=half\n", "cfg-left-out", "half"),
        ("h", "enable=1\nquantB=half\n", "cfg-left-out", "half"),
        ("probs", "quantF=half\n", "cfg-left-out", "half"),
        ("other", RATES, "cfg-unmatched-section", "[other]"),
    ],
)
def test_ignored_parameter_gives_a_warning(section: str, text: str, code: str, underlined: str) -> None:
    warnings = load(NORMS, params(**{section: text})).warnings
    assert [(d.code, d.span.text) for d in warnings] == [(code, underlined)]


def test_random_pooling_needs_a_section() -> None:
    pool = "[p]\ntype=pool\npool=rand\ninputs=c\nchannels=16\nsizeX=3\nstride=2\n"
    text = net(conv("c", "data", 3) + pool, "p")
    given = f"[c]\n{RATES}[out]\n{RATES}[logprob]\ncoeff=1\n"
    assert [(d.code, d.span.text) for d in diagnose(text, given) if d.severity == "error"] == [
        ("cfg-no-section", "[p]")
    ]
    assert load(text, given + "[p]\n")["p"].output == (16, 4, 4)


def test_layer_without_parameters_is_not_suggested() -> None:
    (warning,) = load(NORMS, params(prob=RATES)).warnings
    assert warning.message == "there is no layer prob"


def test_super_eps_is_read_in_2012_only() -> None:
    """In 2012 it applies to weights only, and without decay; version 2 reads superEps without using it, and both
    versions ignore superMom."""
    parameter_file = params(c=RATES + "superEps=0.5\nsuperMom=0.3\n")
    network = load(NORMS, parameter_file)
    assert [(w.code, w.span.text) for w in network.warnings] == [("cfg-ignored-key", "0.3")]
    settings_by_key = {
        key: (p.super_eps, p.decay, p.momentum) for key, p in network.graph.parameters.items() if p.layer == "c"
    }
    assert settings_by_key == {"c.weight": (0.5, 0.0, 0.9), "c.bias": (None, 0.0, 0.8)}
    assert network.graph.train.weight_decay == 0.01  # among the parameters with a decay
    text = merged_spec(NORMS, params(c=RATES.replace("wc=0.0005", "wc=0.1") + "superEps=0.5\n"))
    (line,) = [line for line in text.splitlines() if line.startswith("[c]")]
    assert " super_eps=0.5" in line and "decay" not in line
    assert [w.code for w in load(NORMS, params(c=RATES + "superEps=0.01\n")).warnings] == ["super-eps-too-small"]
    sections = {**VERSION_2_PARAMS, "c": VERSION_2_PARAMS["c"] + "superEps=0.5\n"}
    network = load(VERSION_2, "".join(f"[{name}]\n{keys}" for name, keys in sections.items()))
    assert [(w.code, w.span.text) for w in network.warnings] == [("cfg-ignored-key", "0.5")]
    assert network.graph.parameters["c.weight"].super_eps is None


def test_misspelt_key_is_reported_with_the_missing_one() -> None:
    diagnostics = diagnose(NORMS, params(c=RATES.replace("epsW", "espW")))
    assert {(d.severity, d.code, d.message) for d in diagnostics} == {
        ("error", "missing-key", "c: it needs epsW="),
        ("warning", "cfg-ignored-key", "c: the key 'espW' is not known and is ignored; did you mean epsW?"),
    }


@pytest.mark.parametrize(
    ("dialect", "rates", "underlined"),
    [
        ("2012", "epsW=a\nepsB=-\nmomW=2\nschedW=dxp[3]\nschedB=q\nwc=0\n", ["-", "2", "[c]", "a", "dxp[3]", "q"]),
        ("v2", "epsW=1e-3\nepsB=dexp[base=1]\nmomW=0.9,0.9\nmomB=-1\n", ["-1", "0.9,0.9", "1e-3", "dexp[base=1]"]),
    ],
)
def test_all_errors_of_a_section_are_reported_together(dialect: Dialect, rates: str, underlined: list[str]) -> None:
    text = net(conv("c", "data", 3), "c")
    others = RATES.replace("momB=0.8", "momB=x")
    diagnostics = diagnose(text, f"[c]\n{rates}[out]\n{others}[logprob]\ncoef=1\n", dialect)
    of_section = [d.span.text for d in diagnostics if d.layer == "c"]
    assert sorted(of_section) == underlined
    assert [(d.layer, d.span.text) for d in diagnostics if d.layer != "c" and d.severity == "error"] == [
        ("out", "x"),
        ("logprob", "[logprob]"),
    ]


def test_parameters_are_checked_even_if_another_layer_is_wrong() -> None:
    text = net(conv("c", "data", 3) + conv("d", "c", 16, 17), "d")
    diagnostics = diagnose(text, f"[c]\n{RATES.replace('epsB=0.02', 'epsB=x')}[d]\n{RATES}")
    assert locations(diagnostics) == [("bad-value", 24, "17"), ("bad-value", 3, "x")]


def test_version_2_limits_topk_to_the_classes() -> None:
    for dialect, codes in (("2012", []), ("v2", ["bad-value"])):
        sections = {"c": RATES, "out": RATES, "logprob": "coeff=1\ntopk=11\n"}
        text = "".join(f"[{name}]\n{keys}" for name, keys in sections.items())
        assert [d.code for d in diagnose(net(conv("c", "data", 3), "c"), text, dialect)] == codes


def test_ignored_sched_is_explained() -> None:
    (warning,) = [d for d in load(NORMS, params(c=RATES + "sched=exp[10]\n")).warnings if d.code == "cfg-ignored-key"]
    assert warning.message == "c: the key 'sched' is not known and is ignored"
    assert (
        warning.notes[0].startswith("one schedule for weights and biases") and "schedW and schedB" in warning.notes[0]
    )


def test_parameter_file_of_another_network_is_an_error() -> None:
    diagnostics = diagnose(NORMS, "[c1]\n" + RATES + "[logprob]\ncoeff=1\n")
    assert {(d.code, d.span.source.name) for d in diagnostics} == {
        ("cfg-no-section", "net.cfg"),
        ("cfg-unmatched-section", "params.cfg"),
    }
    assert all(d.severity == "error" for d in diagnostics)


def test_rate_of_the_train_line_ignores_frozen_layers() -> None:
    """Two of three layers are frozen, and their rate of 0 does not become the net's rate."""
    frozen = "epsW=0\nepsB=0\nmomW=0.9\nmomB=0.9\n"
    rates = f"[c]\n{frozen}[d]\n{frozen}[out]\nepsW=0.02\nepsB=0\nmomW=0.9\nmomB=0.9\n[logprob]\ncoeff=1\n"
    graph = load(net(conv("c", "data", 3) + conv("d", "c", 16), "d"), rates).graph
    assert graph.train.lr == 0.02
    assert [graph.parameters[f"{name}.weight"].lr for name in ("c", "d", "out")] == [0, 0, 0.02]


@pytest.mark.parametrize(
    ("of_owner", "of_sharing", "reported"), [("0.01", "0", True), ("0", "0", False), ("0", "0.01", False)]
)
def test_shared_weights_with_a_rate_of_0_are_reported(of_owner: str, of_sharing: str, reported: bool) -> None:
    """Both versions skip the gradient of a layer whose own rate is 0, but update by the rate of the owner."""
    text = net(conv("c", "data", 3) + conv("d", "data", 3, more="weightSource=c"), "c,d")
    sections = "".join(
        f"[{n}]\n{RATES.replace('epsW=0.01', f'epsW={lr}')}" for n, lr in (("c", of_owner), ("d", of_sharing))
    )
    sections += (
        f"[out]\n{RATES.replace('=0.01', '=0.01,0.01').replace('=0.9', '=0.9,0.9').replace('=0.0005', '=0.1,0.1')}"
    )
    warnings = [d for d in load(text, sections + "[logprob]\ncoeff=1\n").warnings if d.code == "cfg-left-out"]
    message = "d: with a rate of 0 it added nothing to the gradient of c's weights; here it does"
    assert [(d.message, d.span.text) for d in warnings] == [(message, "0")] * reported
