"""Parameter files: what of them reaches the graph, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from computing import values
from layerfiles import (
    NORMS,
    PARAMS,
    RATES,
    TWINS,
    VERSION_2,
    VERSION_2_PARAMS,
    conv,
    ending,
    load,
    net,
    params,
    readable,
    said,
    schedules,
    told,
)

from netspec.diff import compare
from netspec.importers.cuda_convnet import Dialect
from netspec.ir import settings
from netspec.ir.constraint import FREE, Constraint
from netspec.ir.ops import Dropout, Lrn, MapNorm
from netspec.net import loads


def test_rates_reach_the_parameters() -> None:
    graph = load(NORMS, params()).graph
    learnt = {key: (p.lr, p.momentum, p.decay) for key, p in graph.parameters.items()}
    assert learnt == {
        "c.weight": (0.01, 0.9, 0.0005),
        "c.bias": (0.02, 0.8, 0.0),
        "out.weight": (0.0, 0.9, 0.0005),  # the usual decay, which changes nothing at a rate of 0
        "out.bias": (0.0, 0.9, 0.0),
    }
    assert (graph.train.lr, graph.train.momentum, graph.train.weight_decay) == (0.01, 0.9, 0.0005)


def test_numbers_of_norms_and_dropout_reach_the_operations() -> None:
    nodes = load(NORMS, params()).graph.nodes
    assert nodes["n"].op == Lrn(5, 2.0, 0.0001 / 5, 0.5)
    assert nodes["m"].op == MapNorm(3, 1.0, 0.001 / 9, 0.75)


def test_in_2012_one_norm_alone_had_a_constant() -> None:
    found = load(NORMS, params(m="scale=1\npow=0.75\nminDiv=2\n"))
    assert found.graph.nodes["m"].op == MapNorm(3, 1.0, 1 / 9, 0.75)
    assert [(d.code, d.span.text) for d in found.warnings] == [("cfg-ignored-key", "minDiv")]


def test_dropout_multiplies_in_tests() -> None:
    nodes = load(NORMS, params()).graph.nodes
    assert nodes["h"].op == Dropout(0.25, "test")


def test_dropout_that_is_not_enabled_still_multiplies() -> None:
    op = load(NORMS, params(h="enable=false\n")).graph.nodes["h"].op
    assert (type(op).__name__, getattr(op, "a", None)) == ("LinearNeuron", 0.75)


def test_a_layer_that_has_become_a_factor_keeps_its_neuron() -> None:
    text = NORMS.replace("keep=0.75\n", "keep=0.75\nneuron=relu\n")
    graph = load(text, params(h="enable=false\n")).graph
    found = values(graph)
    np.testing.assert_allclose(found["h_neuron"], np.maximum(0, 0.75 * found["m"]))
    alone = conv("c", "data", 3) + "[s]\ntype=eltsum\ninputs=c\ncoeffs=-2\nneuron=relu\n"
    found = values(load(net(alone, "s")).graph)
    np.testing.assert_allclose(found["s_neuron"], np.maximum(0, -2 * found["c"]))


def test_a_cost_with_another_coefficient_is_a_loss() -> None:
    assert not load(NORMS, params()).graph.losses
    assert [n.op.weight for n in load(NORMS, params(logprob="coeff=0.5")).graph.losses] == [0.5]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("schedule", "read", "code"),
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
def test_schedules(schedule: str, read: settings.Schedule, code: str | None) -> None:
    both = f"schedW={schedule}\nschedB={schedule}\n"
    found = load(NORMS, params(c=RATES + both))
    assert found.graph.train.schedule == read
    assert {d.code for d in found.warnings} == ({code} if code else set())


TWO = net(conv("c", "data", 3) + conv("d", "c", 16) + conv("e", "d", 16), "e")
FALLING = {"lr": "exp[tgtFactor=10,noiseStdev=0]", "bias": "dexp[tgtFactor=5,noiseStdev=0,numSteps=2]"}
USUAL = RATES + f"schedW={FALLING['lr']}\nschedB={FALLING['bias']}\n"
OWN = RATES + "schedW=jdexp[tgtFactor=4,noiseStdev=0,numSteps=3]\n"


def of_two(**changed: str) -> str:
    sections = {"c": USUAL, "d": USUAL, "e": USUAL, "out": USUAL, "logprob": "coeff=1\n", **changed}
    return "".join(f"[{name}]\n{text}" for name, text in sections.items())


def test_weights_and_biases_have_each_their_schedule() -> None:
    found = load(TWO, of_two())
    assert set(schedules(found).values()) == {settings.Exponential(0.1), settings.DiscreteExponential(0.2, 2)}
    assert found.graph.train.bias_schedule == settings.DiscreteExponential(0.2, 2)
    assert found.warnings == ()
    text = readable(TWO, of_two())
    (_, train) = text.split("\ntrain ")
    assert train.split()[-3:] == ["schedule=exponential(factor=0.1)", "bias_schedule=dexp(factor=0.2,", "levels=2)"]
    assert text.count("schedule=") == 2


def test_a_layer_that_differs_says_its_own() -> None:
    text = of_two(d=OWN)
    found = load(TWO, text)
    assert found.warnings == ()
    wanted = {f"{name}.{role}": each for name in ("c", "e", "out") for role, each in (
        ("weight", settings.Exponential(0.1)), ("bias", settings.DiscreteExponential(0.2, 2))
    )}  # fmt: skip
    wanted |= {"d.weight": settings.JumpingExponential(0.25, 3), "d.bias": settings.Fixed()}
    assert schedules(found) == wanted
    (line,) = [line for line in readable(TWO, text).splitlines() if "jdexp" in line]
    assert line.startswith("[d]") and " schedule=jdexp(factor=0.25, levels=3) " in line
    assert " bias_schedule=constant" in line


def test_what_most_layers_of_a_type_share_stands_in_a_default() -> None:
    """Three convolutions beside a fully connected layer that has most of the weights."""
    text = readable(TWO, of_two(c=OWN, d=OWN, e=OWN))
    assert [line for line in text.splitlines() if "jdexp" in line] == [
        "default conv  init=gaussian(0.02)  schedule=jdexp(factor=0.25, levels=3)  bias_lr=0.02  bias_momentum=0.8"
    ]
    assert "bias_schedule=constant" in text.splitlines()[-1] and "[out]" in text
    assert compare(load(TWO, of_two(c=OWN, d=OWN, e=OWN)), loads(text)).same


def test_of_a_rate_of_0_no_schedule_is_told() -> None:
    still = RATES.replace("epsW=0.01", "epsW=0").replace("epsB=0.02", "epsB=0")
    text = readable(TWO, of_two(d=still + "schedW=exp[tgtFactor=7,noiseStdev=0]\n"))
    assert (text.count("schedule="), text.count("schedule=exponential(factor=0.1)")) == (2, 1)


def test_a_schedule_that_cannot_be_said_is_left_out() -> None:
    found = load(TWO, of_two(d=RATES + "schedB=jdexp[tgtFactor=1e-40,noiseStdev=0,numSteps=3]\n"))
    assert told(found.warnings) == [("cfg-left-out", 15, "jdexp[tgtFactor=1e-40,noiseStdev=0,numSteps=3]")]
    assert schedules(found)["d.bias"] == settings.Fixed()


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
def test_what_the_original_refused(section: str, text: str | None, code: str, underlined: str) -> None:
    found = said(NORMS, params(**{section: text}))
    assert [(d.code, d.span.text) for d in found if d.severity == "error"] == [(code, underlined)]


@pytest.mark.parametrize(
    ("section", "text", "code", "underlined"),
    [
        ("c", RATES + "sched=exp[10]\n", "cfg-ignored-key", "sched"),
        ("c", RATES + "quantF=half\n", "cfg-left-out", "half"),
        ("other", RATES, "cfg-unmatched-section", "[other]"),
    ],
)
def test_what_is_accepted_with_a_warning(section: str, text: str, code: str, underlined: str) -> None:
    found = load(NORMS, params(**{section: text})).warnings
    assert [(d.code, d.span.text) for d in found] == [(code, underlined)]


def test_gradients_over_a_root_of_their_running_means() -> None:
    """In 2012: without decay, for weights alone; version 2 read superEps and did nothing, as both did with superMom."""
    given = params(c=RATES + "superEps=0.5\nsuperMom=0.3\n")
    found = load(NORMS, given)
    assert [(w.code, w.span.text) for w in found.warnings] == [("cfg-ignored-key", "0.3")]
    learnt = {key: (p.super_eps, p.decay, p.momentum) for key, p in found.graph.parameters.items() if p.layer == "c"}
    assert learnt == {"c.weight": (0.5, 0.0, 0.9), "c.bias": (None, 0.0, 0.8)}
    assert found.graph.train.weight_decay == 0.01  # of what has a decay
    text = readable(NORMS, params(c=RATES.replace("wc=0.0005", "wc=0.1") + "superEps=0.5\n"))
    (line,) = [line for line in text.splitlines() if line.startswith("[c]")]
    assert " super_eps=0.5" in line and "decay" not in line
    assert [w.code for w in load(NORMS, params(c=RATES + "superEps=0.01\n")).warnings] == ["super-eps-too-small"]
    sections = {**VERSION_2_PARAMS, "c": VERSION_2_PARAMS["c"] + "superEps=0.5\n"}
    found = load(VERSION_2, "".join(f"[{name}]\n{keys}" for name, keys in sections.items()))
    assert [(w.code, w.span.text) for w in found.warnings] == [("cfg-ignored-key", "0.5")]
    assert found.graph.parameters["c.weight"].super_eps is None


def test_a_key_that_is_missing_is_told_beside_the_one_that_stands_there() -> None:
    found = said(NORMS, params(c=RATES.replace("epsW", "espW")))
    assert {(d.severity, d.code, d.message) for d in found} == {
        ("error", "missing-key", "c: it needs epsW="),
        ("warning", "cfg-ignored-key", "c: the key 'espW' is not known and is ignored; did you mean epsW?"),
    }


@pytest.mark.parametrize(
    ("dialect", "rates", "told_of"),
    [
        ("2012", "epsW=a\nepsB=-\nmomW=2\nschedW=dxp[3]\nschedB=q\nwc=0\n", ["-", "2", "[c]", "a", "dxp[3]", "q"]),
        ("v2", "epsW=1e-3\nepsB=dexp[base=1]\nmomW=0.9,0.9\nmomB=-1\n", ["-1", "0.9,0.9", "1e-3", "dexp[base=1]"]),
    ],
)
def test_all_mistakes_of_a_section_are_told_at_once(dialect: Dialect, rates: str, told_of: list[str]) -> None:
    text = net(conv("c", "data", 3), "c")
    others = RATES.replace("momB=0.8", "momB=x")
    found = said(text, f"[c]\n{rates}[out]\n{others}[logprob]\ncoef=1\n", dialect)
    of_section = [d.span.text for d in found if d.layer == "c"]
    assert sorted(of_section) == told_of
    assert [(d.layer, d.span.text) for d in found if d.layer != "c" and d.severity == "error"] == [
        ("out", "x"),
        ("logprob", "[logprob]"),
    ]


def test_parameters_of_layers_that_are_right_are_looked_at_though_others_are_wrong() -> None:
    text = net(conv("c", "data", 3) + conv("d", "c", 16, 17), "d")
    found = said(text, f"[c]\n{RATES.replace('epsB=0.02', 'epsB=x')}[d]\n{RATES}")
    assert told(found) == [("bad-value", 23, "17"), ("bad-value", 3, "x")]


def test_how_many_scores_were_counted_is_no_more_than_there_are_in_version_2() -> None:
    for dialect, codes in (("2012", []), ("v2", ["bad-value"])):
        sections = {"c": RATES, "out": RATES, "logprob": "coeff=1\ntopk=11\n"}
        text = "".join(f"[{name}]\n{keys}" for name, keys in sections.items())
        assert [d.code for d in said(net(conv("c", "data", 3), "c"), text, dialect)] == codes


def test_of_sched_it_is_told_what_it_was() -> None:
    (found,) = [d for d in load(NORMS, params(c=RATES + "sched=exp[10]\n")).warnings if d.code == "cfg-ignored-key"]
    assert found.message == "c: the key 'sched' is not known and is ignored"
    assert found.notes[0].startswith("one schedule for weights and biases") and "schedW and schedB" in found.notes[0]


def test_a_parameter_file_of_another_network_is_wrong() -> None:
    found = said(NORMS, "[c1]\n" + RATES + "[logprob]\ncoeff=1\n")
    assert {(d.code, d.span.source.name) for d in found} == {
        ("cfg-no-section", "net.cfg"),
        ("cfg-unmatched-section", "params.cfg"),
    }
    assert all(d.severity == "error" for d in found)


def constraint(more: str, dialect: Dialect, middle: str | None = None) -> Constraint:
    """What the weights of a convolution of 3 x 3 x 3 are held to."""
    text = net(middle or conv("c", "data", 3), "c").replace(
        "partialSum=0\n", "" if dialect == "v2" else "partialSum=0\n"
    )
    given = f"[c]\n{RATES}{more}\n[out]\n{RATES}[logprob]\ncoeff=1\n"
    found = load(text, given, dialect)
    assert found.warnings == ()
    return found.graph.parameters["c.weight"].constraint


@pytest.mark.parametrize(
    ("more", "dialect", "held"),
    [
        ("wball=0.1", "2012", Constraint(max_norm=2.7)),  # 0.1 * 27
        ("wball=0.1", "v2", Constraint(fixed_norm=0.1)),
        ("wcNormMax=0.002", "2012", Constraint(max_std=0.0103923048454)),  # 0.002 * sqrt(27)
        ("wcNormMin=0.001\nwcNormMax=0.002", "v2", Constraint(min_std=0.00519615242271, max_std=0.0103923048454)),
        ("wcNormMin=0.001\nwcNormMax=0.002\nwball=1", "2012",
         Constraint(max_norm=27, min_std=0.00519615242271, max_std=0.0103923048454)),
        ("wcNormMin=0.001\nwcNormMax=0.002\nwball=1", "v2", Constraint(fixed_norm=1)),  # which undoes the others
        ("wcNormMin=-1", "2012", FREE),  # without effect, as the others
        ("wball=-1\nwcNormMax=-0.5\nwcNormMin=-1", "2012", FREE),
    ],
)  # fmt: skip
def test_what_weights_are_held_to(more: str, dialect: Dialect, held: Constraint) -> None:
    assert constraint(more, dialect) == held


@pytest.mark.parametrize(("dialect", "length"), [("2012", 2.7), ("v2", 0.1)])
def test_local_layers_are_scaled_down_alone(dialect: Dialect, length: float) -> None:
    local = conv("c", "data", 3).replace("type=conv", "type=local")
    local = local.replace("partialSum=0\n", "").replace("sumWidth=1\n", "")
    assert constraint("wball=0.1", dialect, local) == Constraint(max_norm=length)


@pytest.mark.parametrize(("parts", "over"), [(3, 3), (1, 1)])
def test_the_weights_of_all_parts_are_held_together(parts: int, over: int) -> None:
    text = net(f"[s]\ntype=sfc\ninputs=data\noutputs=2\nparts={parts}\ninitW=0.1\ngpu=0\n", "s")
    found = load(text, f"[s]\n{RATES}wball=0.5\n[out]\n{RATES}[logprob]\ncoeff=1\n", "v2")
    assert found.warnings == ()
    assert found.graph.parameters["s.weight"].constraint == Constraint(fixed_norm=0.5, parts=over)


def test_parts_that_are_held_together_stay_on_their_gpu() -> None:
    columns = "".join(f"[s{gpu}]\ntype=sfc\ninputs=data\noutputs=4\nparts=3\ninitW=0.1\ngpu={gpu}\n" for gpu in (0, 1))
    given = "".join(f"[s{gpu}]\n{RATES}{{}}" for gpu in (0, 1)) + f"[out]\n{RATES}[logprob]\ncoeff=1\n"
    text = net(columns + "[both]\ntype=concat\ninputs=s0,s1\ngpu=0\n", "both")
    apart = readable(text, given.format("wball=0.5\n", "wball=0.5\n"))
    assert [line for line in apart.splitlines() if "norm_over=parts" in line and "gpu=" in line] != []
    assert {p.constraint for key, p in loads(apart).graph.parameters.items() if key in ("s0.weight", "s1.weight")} == {
        Constraint(fixed_norm=0.5, parts=3)
    }


def test_halves_whose_weights_are_held_by_themselves_stay_two_matrices() -> None:
    names = ("conv1a", "conv1b", "conv2a", "conv2b", "fca", "fcb", "out")
    given = dict.fromkeys(names, RATES) | {"n2a": PARAMS["n"], "n2b": PARAMS["n"], "logprob": "coeff=1\n"}
    two = (
        RATES.replace("epsW=0.01", "epsW=0.01,0.01").replace("momW=0.9", "momW=0.9,0.9").replace("wc=0.0005", "wc=0,0")
    )
    given |= {"fca": two, "fcb": two, "out": two, "conv2a": RATES + "wball=0.1\n", "conv2b": RATES + "wball=0.1\n"}
    text = TWINS + ending("fca,fcb")

    def line(name: str) -> str:
        found = readable(text, "".join(f"[{section}]\n{keys}" for section, keys in given.items())).splitlines()
        return next((one for one in found if one.startswith(f"[{name}]")), "")

    assert "max_norm=7.2" in line("conv2") and line("fc").startswith("[fc] ")  # 0.1 * 8 * 9
    given |= {"fca": two + "wball=0.1,0.1\n", "fcb": two + "wball=0.1,0.1\n"}
    assert (line("fc"), "max_norm=" in line("fca"), "max_norm=" in line("fcb")) == ("", True, True)


def test_the_train_lines_rate_is_that_of_what_learns() -> None:
    """Two of three layers are frozen: their rate of 0 is not the net's."""
    frozen = "epsW=0\nepsB=0\nmomW=0.9\nmomB=0.9\n"
    rates = f"[c]\n{frozen}[d]\n{frozen}[out]\nepsW=0.02\nepsB=0\nmomW=0.9\nmomB=0.9\n[logprob]\ncoeff=1\n"
    graph = load(net(conv("c", "data", 3) + conv("d", "c", 16), "d"), rates).graph
    assert graph.train.lr == 0.02
    assert [graph.parameters[f"{name}.weight"].lr for name in ("c", "d", "out")] == [0, 0, 0.02]


@pytest.mark.parametrize(
    ("of_owner", "of_sharing", "told_so"), [("0.01", "0", True), ("0", "0", False), ("0", "0.01", False)]
)
def test_a_layer_that_added_nothing_to_the_gradient_of_weights_it_shares(
    of_owner: str, of_sharing: str, told_so: bool
) -> None:
    """Those of version 2 and 2012 look at the rate of each layer that uses a matrix, and update by its owner's."""
    text = net(conv("c", "data", 3) + conv("d", "data", 3, more="weightSource=c"), "c,d")
    given = "".join(
        f"[{n}]\n{RATES.replace('epsW=0.01', f'epsW={lr}')}" for n, lr in (("c", of_owner), ("d", of_sharing))
    )
    given += f"[out]\n{RATES.replace('=0.01', '=0.01,0.01').replace('=0.9', '=0.9,0.9').replace('=0.0005', '=0.1,0.1')}"
    found = [d for d in load(text, given + "[logprob]\ncoeff=1\n").warnings if d.code == "cfg-left-out"]
    message = "d: with a rate of 0 it added nothing to the gradient of c's weights; here it does"
    assert [(d.message, d.span.text) for d in found] == [(message, "0")] * told_so
