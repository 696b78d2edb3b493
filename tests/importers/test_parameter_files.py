"""Parameter files: how they set up the graph, and the diagnostics about them."""

from __future__ import annotations

import numpy as np
import pytest
from computed import values
from layerfiles import (
    NORMS,
    PARAMS,
    RATES,
    TWINS,
    VERSION_2,
    VERSION_2_PARAMS,
    conv,
    diagnose,
    ending,
    load,
    locations,
    net,
    params,
    readable_spec,
    schedules,
)

from netspec.diff import compare
from netspec.importers.cuda_convnet import Dialect
from netspec.ir import settings
from netspec.ir.constraint import FREE, Constraint
from netspec.ir.ops import Dropout, Lrn, MapNorm
from netspec.net import loads


def test_rates_reach_the_graphs_parameters() -> None:
    graph = load(NORMS, params()).graph
    rates = {key: (p.lr, p.momentum, p.decay) for key, p in graph.parameters.items()}
    assert rates == {
        "c.weight": (0.01, 0.9, 0.0005),
        "c.bias": (0.02, 0.8, 0.0),
        "out.weight": (0.0, 0.9, 0.0005),  # the net's decay, without effect at a rate of 0
        "out.bias": (0.0, 0.9, 0.0),
    }
    assert (graph.train.lr, graph.train.momentum, graph.train.weight_decay) == (0.01, 0.9, 0.0005)


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
    ("schedule", "expected", "code"),
    [
        ("default", settings.Fixed(), None),
        ("exp[tgtFactor=1000,noiseStdev=0]", settings.Exponential(0.001), None),
        ("DEXP [ tgtFactor = 250 , noiseStdev=0 , numSteps=4 ]", settings.DiscreteExponential(0.004, 4), None),
        ("linear[tgtFactor=4,noiseStdev=0]", settings.Linear(0.25), None),
        ("dexp[1000,4]", settings.DiscreteExponential(0.001, 4), "cfg-old-habit"),
        ("dexp[250,0,4]", settings.DiscreteExponential(0.004, 4), "cfg-old-habit"),
        ("exp[1000]", settings.Exponential(0.001), "cfg-old-habit"),
        ("jdexp[tgtFactor=500,noiseStdev=0,numSteps=5]", settings.JumpingExponential(0.002, 5), None),
        ("jdexp[500,0.5,5]", settings.JumpingExponential(0.002, 5, 0.5), "cfg-old-habit"),
        ("linear[tgtFactor=2,noiseStdev=1]", settings.Linear(0.5, 1.0), None),
        ("exp[tgtFactor=0.5,noiseStdev=0.25]", settings.Exponential(2.0, 0.25), None),
        ("dexp[tgtFactor=250,noiseStdev=0.1,numSteps=4]", settings.DiscreteExponential(0.004, 4, 0.1), None),
        ("dexp[tgtFactor=0.5,noiseStdev=0,numSteps=4]", settings.DiscreteExponential(2, 4), None),
        ("jdexp[tgtFactor=0.000001,noiseStdev=0,numSteps=4]", settings.JumpingExponential(1e6, 4), None),
        ("dexp[tgtFactor=1e-7,noiseStdev=0,numSteps=2000000]", settings.DiscreteExponential(1e7, 2_000_000), None),
        ("exp[tgtFactor=1e30,noiseStdev=0]", settings.Exponential(1 / 1e30), None),
        ("dexp[tgtFactor=1e-39,noiseStdev=0,numSteps=4]", settings.Fixed(), "cfg-left-out"),
        ("exp[tgtFactor=1e39,noiseStdev=0]", settings.Fixed(), "cfg-left-out"),
    ],
)
def test_schedule_is_read(schedule: str, expected: settings.Schedule, code: str | None) -> None:
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
    assert set(schedules(network).values()) == {settings.Exponential(0.1), settings.DiscreteExponential(0.2, 2)}
    assert network.graph.train.bias_schedule == settings.DiscreteExponential(0.2, 2)
    assert network.warnings == ()
    text = readable_spec(THREE, params_of_three())
    (_, train) = text.split("\ntrain ")
    assert train.split()[-3:] == ["schedule=exponential(factor=0.1)", "bias_schedule=dexp(factor=0.2,", "levels=2)"]
    assert text.count("schedule=") == 2


def test_layer_with_another_schedule_states_it() -> None:
    text = params_of_three(d=OWN)
    network = load(THREE, text)
    assert network.warnings == ()
    expected = {f"{name}.{role}": schedule for name in ("c", "e", "out") for role, schedule in (
        ("weight", settings.Exponential(0.1)), ("bias", settings.DiscreteExponential(0.2, 2))
    )}  # fmt: skip
    expected |= {"d.weight": settings.JumpingExponential(0.25, 3), "d.bias": settings.Fixed()}
    assert schedules(network) == expected
    (line,) = [line for line in readable_spec(THREE, text).splitlines() if "jdexp" in line]
    assert line.startswith("[d]") and " schedule=jdexp(factor=0.25, levels=3) " in line
    assert " bias_schedule=constant" in line


def test_schedule_shared_by_a_type_becomes_a_default() -> None:
    """The fully connected layer has most of the weights, so that its schedule is the net's."""
    text = readable_spec(THREE, params_of_three(c=OWN, d=OWN, e=OWN))
    assert [line for line in text.splitlines() if "jdexp" in line] == [
        "default conv  init=gaussian(0.02)  schedule=jdexp(factor=0.25, levels=3)  bias_lr=0.02  bias_momentum=0.8"
    ]
    assert "bias_schedule=constant" in text.splitlines()[-1] and "[out]" in text
    assert compare(load(THREE, params_of_three(c=OWN, d=OWN, e=OWN)), loads(text)).same


def test_rate_of_0_has_no_schedule() -> None:
    frozen = RATES.replace("epsW=0.01", "epsW=0").replace("epsB=0.02", "epsB=0")
    text = readable_spec(THREE, params_of_three(d=frozen + "schedW=exp[tgtFactor=7,noiseStdev=0]\n"))
    assert (text.count("schedule="), text.count("schedule=exponential(factor=0.1)")) == (2, 1)


def test_inexpressible_schedule_is_left_out() -> None:
    network = load(THREE, params_of_three(d=RATES + "schedB=jdexp[tgtFactor=1e-40,noiseStdev=0,numSteps=3]\n"))
    assert locations(network.warnings) == [("cfg-left-out", 15, "jdexp[tgtFactor=1e-40,noiseStdev=0,numSteps=3]")]
    assert schedules(network)["d.bias"] == settings.Fixed()


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
        ("other", RATES, "cfg-unmatched-section", "[other]"),
    ],
)
def test_ignored_parameter_gives_a_warning(section: str, text: str, code: str, underlined: str) -> None:
    warnings = load(NORMS, params(**{section: text})).warnings
    assert [(d.code, d.span.text) for d in warnings] == [(code, underlined)]


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
    text = readable_spec(NORMS, params(c=RATES.replace("wc=0.0005", "wc=0.1") + "superEps=0.5\n"))
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
    assert locations(diagnostics) == [("bad-value", 23, "17"), ("bad-value", 3, "x")]


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


def constraint(more: str, dialect: Dialect, layer: str | None = None) -> Constraint:
    """The constraint on the weights of a 3 x 3 convolution over 3 channels."""
    text = net(layer or conv("c", "data", 3), "c").replace(
        "partialSum=0\n", "" if dialect == "v2" else "partialSum=0\n"
    )
    parameter_file = f"[c]\n{RATES}{more}\n[out]\n{RATES}[logprob]\ncoeff=1\n"
    network = load(text, parameter_file, dialect)
    assert network.warnings == ()
    return network.graph.parameters["c.weight"].constraint


@pytest.mark.parametrize(
    ("more", "dialect", "expected"),
    [
        ("wball=0.1", "2012", Constraint(max_norm=2.7)),  # 0.1 * 27
        ("wball=0.1", "v2", Constraint(fixed_norm=0.1)),
        ("wcNormMax=0.002", "2012", Constraint(max_std=0.0103923048454)),  # 0.002 * sqrt(27)
        ("wcNormMin=0.001\nwcNormMax=0.002", "v2", Constraint(min_std=0.00519615242271, max_std=0.0103923048454)),
        ("wcNormMin=0.001\nwcNormMax=0.002\nwball=1", "2012",
         Constraint(max_norm=27, min_std=0.00519615242271, max_std=0.0103923048454)),
        ("wcNormMin=0.001\nwcNormMax=0.002\nwball=1", "v2", Constraint(fixed_norm=1)),  # which overrides the others
        ("wcNormMin=-1", "2012", FREE),  # without effect, like the others
        ("wball=-1\nwcNormMax=-0.5\nwcNormMin=-1", "2012", FREE),
    ],
)  # fmt: skip
def test_weight_bounds_become_constraints(more: str, dialect: Dialect, expected: Constraint) -> None:
    assert constraint(more, dialect) == expected


@pytest.mark.parametrize(("dialect", "length"), [("2012", 2.7), ("v2", 0.1)])
def test_local_layers_only_have_a_maximum_norm(dialect: Dialect, length: float) -> None:
    local = conv("c", "data", 3).replace("type=conv", "type=local")
    local = local.replace("partialSum=0\n", "").replace("sumWidth=1\n", "")
    assert constraint("wball=0.1", dialect, local) == Constraint(max_norm=length)


@pytest.mark.parametrize(("parts", "expected_parts"), [(3, 3), (1, 1)])
def test_norm_of_sfc_weights_is_over_all_parts(parts: int, expected_parts: int) -> None:
    text = net(f"[s]\ntype=sfc\ninputs=data\noutputs=2\nparts={parts}\ninitW=0.1\ngpu=0\n", "s")
    network = load(text, f"[s]\n{RATES}wball=0.5\n[out]\n{RATES}[logprob]\ncoeff=1\n", "v2")
    assert network.warnings == ()
    assert network.graph.parameters["s.weight"].constraint == Constraint(fixed_norm=0.5, parts=expected_parts)


def test_sfc_layers_with_a_fixed_norm_stay_on_their_gpus() -> None:
    columns = "".join(f"[s{gpu}]\ntype=sfc\ninputs=data\noutputs=4\nparts=3\ninitW=0.1\ngpu={gpu}\n" for gpu in (0, 1))
    sections = "".join(f"[s{gpu}]\n{RATES}{{}}" for gpu in (0, 1)) + f"[out]\n{RATES}[logprob]\ncoeff=1\n"
    text = net(columns + "[both]\ntype=concat\ninputs=s0,s1\ngpu=0\n", "both")
    spec = readable_spec(text, sections.format("wball=0.5\n", "wball=0.5\n"))
    assert [line for line in spec.splitlines() if "norm_over=parts" in line and "gpu=" in line] != []
    assert {p.constraint for key, p in loads(spec).graph.parameters.items() if key in ("s0.weight", "s1.weight")} == {
        Constraint(fixed_norm=0.5, parts=3)
    }


def test_bounded_twins_stay_separate_if_merging_would_change_the_bound() -> None:
    names = ("conv1a", "conv1b", "conv2a", "conv2b", "fca", "fcb", "out")
    sections = dict.fromkeys(names, RATES) | {"n2a": PARAMS["n"], "n2b": PARAMS["n"], "logprob": "coeff=1\n"}
    two_inputs = (
        RATES.replace("epsW=0.01", "epsW=0.01,0.01").replace("momW=0.9", "momW=0.9,0.9").replace("wc=0.0005", "wc=0,0")
    )
    sections |= {
        "fca": two_inputs,
        "fcb": two_inputs,
        "out": two_inputs,
        "conv2a": RATES + "wball=0.1\n",
        "conv2b": RATES + "wball=0.1\n",
    }
    text = TWINS + ending("fca,fcb")

    def line(name: str) -> str:
        lines = readable_spec(text, "".join(f"[{section}]\n{keys}" for section, keys in sections.items())).splitlines()
        return next((one for one in lines if one.startswith(f"[{name}]")), "")

    assert "max_norm=7.2" in line("conv2") and line("fc").startswith("[fc] ")  # 0.1 * 8 * 9
    sections |= {"fca": two_inputs + "wball=0.1,0.1\n", "fcb": two_inputs + "wball=0.1,0.1\n"}
    assert (line("fc"), "max_norm=" in line("fca"), "max_norm=" in line("fcb")) == ("", True, True)


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
