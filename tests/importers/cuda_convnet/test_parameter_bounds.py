"""Bounds on weights in parameter files, and the constraints that they become."""

from __future__ import annotations

import pytest
from layerfiles import PARAMS, RATES, TWINS, conv, ending, load, merged_spec, net

from netspec.importers.cuda_convnet import Dialect
from netspec.ir.constraint import FREE, Constraint
from netspec.net import loads


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
    spec = merged_spec(text, sections.format("wball=0.5\n", "wball=0.5\n"))
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
        lines = merged_spec(text, "".join(f"[{section}]\n{keys}" for section, keys in sections.items())).splitlines()
        return next((one for one in lines if one.startswith(f"[{name}]")), "")

    assert "max_norm=7.2" in line("conv2") and line("fc").startswith("[fc] ")  # 0.1 * 8 * 9
    sections |= {"fca": two_inputs + "wball=0.1,0.1\n", "fcb": two_inputs + "wball=0.1,0.1\n"}
    assert (line("fc"), "max_norm=" in line("fca"), "max_norm=" in line("fcb")) == ("", True, True)
