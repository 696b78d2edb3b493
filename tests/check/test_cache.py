"""Results that a check shares between identical layers and with the next check only make it faster."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from places import SPECS

from netspec.check import Checked, check
from netspec.check import layers as walk
from netspec.check.cache import Table
from netspec.ir.shape import Shape
from netspec.language.parser import trees
from netspec.language.parser.grammar import Form
from netspec.language.syntax import Items
from netspec.source import Source

FILES = [path.read_text("utf-8") for path in sorted(SPECS.rglob("*.net"))]
PIECES = [
    *("->", "[", "]", "=", ",", "#", "\n", " ", "\n  ", "[a] conv ", "3x3", "99999999999", "é", "$"),
    *(" kernel=3", " pad=1", " filters=8", " gpu=0", " reads=all", " weights=conv1", " inputs=conv1", " -> 3x3x3"),
    *("gpus 2\n", "gpus x\n", "default conv pad=1\n", "default conv pda=1\n", "net a rounding=up\n", "drop conv1\n"),
]


def results_of(checked: Checked) -> object:
    """Return everything that a check computes, in order."""
    graph = checked.graph
    names = (list(graph.nodes), list(graph.layers), list(graph.parameters)) if graph else ()
    layers = [
        (
            (f.section.name, f.section.span, f.section.claim, f.type, f.pairs, f.values, f.inputs, f.reads, f.steps),
            (f.computed, f.stated.shape, f.stated.shape_span, f.stated.counts, f.stated.pairs, f.failed),
        )
        for f in checked.layers
    ]
    return checked.diagnostics, names, graph, layers


@st.composite
def edits(draw: st.DrawFn) -> list[str]:
    """Generate the texts of a spec after each of a few edits."""
    text = draw(st.sampled_from(FILES))
    texts = [text]
    for _ in range(draw(st.integers(1, 5))):
        lines = text.splitlines(keepends=True)
        number, other = (draw(st.integers(0, max(0, len(lines) - 1))) for _ in range(2))
        place = draw(st.integers(0, len(text)))
        how = draw(
            st.sampled_from(["put in", "put in", "take out", "repeat", "delete", "another digit", "another name"])
        )
        if how == "put in":
            text = text[:place] + draw(st.sampled_from(PIECES)) + text[place:]
        elif how == "take out":
            text = text[:place] + text[place + draw(st.integers(1, 20)) :]
        elif how == "repeat" and lines:
            text = "".join([*lines[:other], lines[number], *lines[other:]])
        elif how == "delete" and lines:
            text = "".join([*lines[:number], *lines[number + 1 :]])
        elif how == "another digit":
            text = text[:place] + text[place:].replace(str(draw(st.integers(0, 9))), str(draw(st.integers(0, 9))), 1)
        else:
            text = text.replace("conv1", "conv0").replace("pool1", "fc6")
        texts.append(text)
    return texts


@examples(150)
@given(edits(), st.sampled_from([None, None, Shape(3, 32, 32)]))
def test_reusing_the_previous_check_does_not_change_results(texts: list[str], shape: Shape | None) -> None:
    cache = None
    for text in texts:
        source = Source("a.net", text)
        checked = check(source, shape, cache)
        assert results_of(checked) == results_of(check(source, shape))
        cache = checked.cache


@examples(60)
@given(edits())
def test_sharing_between_identical_layers_does_not_change_results(texts: list[str]) -> None:
    shared = [results_of(check(Source("a.net", text))) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "find", lambda table, key: None)
        assert [results_of(check(Source("a.net", text))) for text in texts] == shared


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the layers that are actually lowered, in order."""
    names: list[str] = []

    def lower(request, operands, real=walk.lower):
        names.append(request.name)
        return real(request, operands)

    monkeypatch.setattr(walk, "lower", lower)
    return names


def chain(length: int) -> str:
    layers = "".join(f"[conv{i}] conv filters=3 kernel=3 pad=1 neuron=relu -> 3x8x8\n" for i in range(length))
    return f"[image] input 3x8x8\n{layers}"


def test_identical_layers_are_lowered_once(lowered: list[str]) -> None:
    graph = check(Source("a.net", chain(50))).graph
    assert lowered == ["image", "conv0"]
    assert graph is not None
    last = graph.nodes["conv49"]
    assert (last.inputs, graph.nodes["conv49:conv"].inputs) == (("conv49:conv",), ("conv48",))
    assert [p.key for p in graph.parameters_of("conv49")] == ["conv49.weight", "conv49.bias"]


def test_layers_that_differ_only_in_inputs_and_spacing_are_lowered_once(lowered: list[str]) -> None:
    text = (
        "[image] input 3x8x8\n[a] relu\n[b] relu inputs=image\n"
        "[c] sum inputs=a,b\n[d]   sum   inputs=b , image  # the other way\n[e] sum inputs=d,c\n"
        "[f] sum inputs=a,a\n[g] sum inputs=b,b\n"
    )
    graph = check(Source("a.net", text)).graph
    assert lowered == ["image", "a", "b", "c", "f"]
    assert graph is not None
    reads = [graph.nodes[name].inputs for name in "abcdefg"]
    assert reads == [("image",), ("image",), ("a", "b"), ("b", "image"), ("d", "c"), ("a", "a"), ("b", "b")]
    assert [graph.layers[name].inputs for name in "abcdefg"] == reads


def test_syntax_is_built_only_of_layers_that_say_something_new(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def body(reader: trees.Reader, form: Form, real=trees.Reader.body) -> Items:
        built.append(" ".join(reader.texts[:2]))
        return real(reader, form)

    monkeypatch.setattr(trees.Reader, "body", body)
    residual = "[b] batchnorm\n[s] sum inputs=b,image\n[t] sum inputs=s,b\n[p] maxpool kernel=2\n[q] maxpool kernel=2\n"
    assert check(Source("a.net", f"{chain(20)}{residual}[f] fc outputs=4\n[r] softmax\n")).diagnostics == ()
    assert len(built) == len({*built})


def test_inputs_of_an_input_layer_are_reported_next_to_an_identical_one() -> None:
    checked = check(Source("a.net", "[image] input 3x8x8\n[other] input 3x8x8 inputs=image\n"))
    assert ("unknown-key", "inputs") in [(d.code, d.span.text) for d in checked.diagnostics]


def test_only_changed_layers_are_lowered_after_an_edit(lowered: list[str]) -> None:
    text = "".join(f"[conv{i}] conv filters={i + 1} kernel=1\n" for i in range(50))
    first = check(Source("a.net", f"[image] input 3x8x8\n{text}"))
    assert len(lowered) == 51
    lowered.clear()
    check(
        Source("a.net", f"# a comment\n[image] input 3x8x8\n{text.replace('=21 kernel', '=99 kernel')}"),
        None,
        first.cache,
    )
    assert lowered == ["conv20", "conv21"]  # itself, and its reader


def test_other_settings_invalidate_all_results(lowered: list[str]) -> None:
    first = check(Source("a.net", chain(3)))
    lowered.clear()
    graph = check(Source("a.net", f"default conv bias=1\n{chain(3)}"), None, first.cache).graph
    assert lowered == ["image", "conv0"]
    assert graph is not None
    assert str(graph.parameters["conv2.bias"].distribution) != str(graph.parameters["conv2.weight"].distribution)


def test_identical_layers_with_inputs_on_other_gpus_are_not_shared() -> None:
    text = (
        "gpus 2\n[image] input 4x8x8\n[a] conv filters=4 kernel=1 gpu=0\n[b] relu\n"
        "[c] conv filters=4 kernel=1 inputs=image\n[d] relu\n"
    )
    graph = check(Source("a.net", text)).graph
    assert graph is not None
    assert [graph.layers[name].placement.gpu for name in "ab"] == [0, 0]
    assert [graph.layers[name].placement.split for name in "cd"] == [True, True]


def test_identical_layers_with_different_readers_are_not_shared() -> None:
    text = (
        "gpus 2\n[image] input 3x8x8\n[a] conv filters=4 kernel=1\n[b] flatten\n[c] softmax\n"
        "[d] conv filters=4 kernel=1 inputs=image\n[e] flatten\n[f] fc outputs=4\n"
    )
    graph = check(Source("a.net", text)).graph
    assert graph is not None
    assert [graph.layers[name].placement.split for name in "be"] == [False, True]


def test_layer_with_a_changed_input_is_updated() -> None:
    text = "[image] input 3x8x8\n[a] relu\n[b] relu inputs=image\n[c] sum inputs=a,b\n"
    first = check(Source("a.net", text))
    again = check(Source("a.net", text.replace("[b] relu inputs=image", "[z] relu\n[b] relu")), None, first.cache)
    assert again.graph is not None
    assert [again.graph.nodes[name].inputs for name in "zbc"] == [("a",), ("z",), ("a", "b")]


def test_error_in_identical_layers_is_reported_for_each() -> None:
    checked = check(Source("a.net", "[image] input 3x8x8\n[a] relu slope=1\n[b] relu slope=1\n"))
    assert [(d.span.line, d.layer) for d in checked.diagnostics] == [(2, "a"), (3, "b")]
    assert replace(checked.diagnostics[1], spans=checked.diagnostics[0].spans, layer="a") == checked.diagnostics[0]
