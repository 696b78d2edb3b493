"""What a notebook shows of a network, and of a mistake in a spec."""

from __future__ import annotations

import pytest
from places import SPECS
from processes import netspec as run
from torch import nn

import netspec

TINY = "net tiny\n[image] input 3x8x8\n[conv1] conv filters=4 kernel=3 -> 4x6x6\n[fc] fc outputs=2\n"


def test_table_is_that_of_the_command() -> None:
    table = netspec.table(netspec.load(SPECS / "alexnet.net"), batch=64)
    printed = run("summary", SPECS / "alexnet.net", "--format", "markdown", "--batch", "64").stdout
    assert table._repr_markdown_() == repr(table) == table == printed
    assert "| conv1 | conv | 96x55x55 |" in table
    assert netspec.table(netspec.loads(TINY)) == netspec.table(netspec.loads(TINY), batch=128)


@pytest.mark.parametrize("costs", [False, True])
def test_figure_is_that_of_the_command(costs: bool) -> None:
    figure = netspec.figure(netspec.load(SPECS / "alexnet.net"), costs=costs)
    drawn = run("draw", SPECS / "alexnet.net", "-o", "-", *(["--costs"] if costs else [])).stdout
    assert figure._repr_svg_() == figure == drawn
    assert (">c 105 M<" in figure) == costs
    assert repr(figure) == f"<SVG of {len(drawn):,} characters>"


def test_comparison_is_that_of_the_command() -> None:
    paths = SPECS / "alexnet.net", SPECS / "alexnet-2012.net"
    compared = netspec.compare(*map(netspec.load, paths))
    printed = run("diff", *paths).stdout
    assert repr(compared).splitlines()[1:] == printed.splitlines()[1:]
    assert repr(compared).splitlines()[0] == "alexnet -> alexnet-2012"
    shown = compared._repr_markdown_()
    assert shown.startswith("**alexnet -> alexnet-2012**\n\n| layer | difference | changes |\n")
    assert "\n- function: another one" in shown
    assert (compared.same, compared.same_function) == (False, False)


def test_comparison_of_the_same_network() -> None:
    compared = netspec.compare(netspec.loads(TINY), netspec.loads(TINY.replace("net tiny", "net small")))
    assert (compared.same, compared.same_function) == (True, True)
    assert repr(compared) == compared._repr_markdown_().rstrip() == "tiny and small: the same network"
    renamed = netspec.compare(netspec.loads(TINY), netspec.loads(TINY.replace("[fc]", "[out]")))
    assert (renamed.same, renamed.same_function) == (False, True)


def test_mistake_is_shown_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython shows what ``_render_traceback_`` returns in place of a traceback."""
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(TINY.replace("kernel", "kernal"))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = caught.value._render_traceback_()
    assert plain[:2] == ["error[unknown-key]: conv has no key 'kernal'; did you mean kernel?", " --> <text>:3:24"]
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[31m" in caught.value._render_traceback_()[0]


def test_path_instead_of_a_net_is_an_error() -> None:
    for show in (netspec.table, netspec.figure, lambda path: netspec.compare(path, path)):
        with pytest.raises(TypeError, match="this takes a net"):
            show("alexnet.net")  # type: ignore[operator]
        with pytest.raises(
            TypeError, match=r"from_torch makes of a module: netspec.from_torch\(model, \(3, 224, 224\)\)"
        ):
            show(nn.Linear(2, 3))  # type: ignore[operator]
        with pytest.raises(TypeError, match="this takes a net, and is given dict"):
            show({})  # type: ignore[operator]


def test_same_scores_without_the_same_output() -> None:
    scores = netspec.loads(TINY)
    probabilities = netspec.loads(f"{TINY}\n[prob] softmax")
    compared = netspec.compare(scores, probabilities)
    assert (compared.same, compared.same_function, compared.same_scores) == (False, False, True)
    assert not netspec.compare(scores, netspec.loads(TINY.replace("kernel=3", "kernel=3 neuron=relu"))).same_scores
