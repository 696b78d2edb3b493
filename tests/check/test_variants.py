"""Variants: what they inherit, what they change, and where their errors are shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checking import refused
from processes import invoke
from variants import BASE, diagnostics, message, names

import netspec
from netspec.check import check
from netspec.diagnostics.nearest import distance
from netspec.language.variants import MAX_COMPARED
from netspec.net import load
from netspec.solve import MAX_SOLVED
from netspec.solve.trial import MAX_LAYERS


def test_layers_and_settings_are_inherited(variant) -> None:
    net = netspec.load(variant(""))
    assert net.name == "variant"
    assert names(net) == ["image", "conv1", "pool1", "conv2", "fc", "prob"]
    assert (net.graph.train.epochs, net.graph.train.batch, net.graph.train.lr) == (3, 16, 0.1)


def test_section_without_a_type_changes_keys(variant) -> None:
    net = netspec.load(variant("[conv1] filters=4 pad=0\n"))
    assert net["conv1"].output == (4, 14, 14)
    assert net["conv1"].windows[0].window.kernel == (3, 3)


def test_claims_are_not_inherited(variant) -> None:
    assert netspec.load(variant("[conv1] filters=4 -> 4x16x16\n"))["conv1"].output == (4, 16, 16)
    assert diagnostics(variant("[conv1] filters=4 -> 8x16x16\n")) == [("claim-refuted", "variant.net", 2, 22)]


def test_section_with_a_type_replaces_the_layer(variant) -> None:
    net = netspec.load(variant("[pool1] avgpool kernel=4 stride=4\n"))
    assert (net["pool1"].type, net["pool1"].output) == ("avgpool", (8, 4, 4))
    assert names(net)[2] == "pool1"


def test_reader_of_a_dropped_layer_reads_the_one_above(variant) -> None:
    net = netspec.load(variant("drop pool1 conv2\n"))
    assert names(net) == ["image", "conv1", "fc", "prob"]
    assert net["fc"].inputs == ("conv1",)


def test_dropped_explicit_input_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(BASE.replace("[fc] fc", "[fc] fc inputs=conv2"))
    path = tmp_path / "variant.net"
    path.write_text("net variant from=base.net\ndrop conv2\n")
    assert diagnostics(path) == [("unknown-layer", "variant.net", 2, 6)]


def test_new_layer_comes_after_the_named_layer_or_at_the_end(variant) -> None:
    net = netspec.load(variant("[norm1] lrn size=5 scale=1e-4 after=conv1\n[again] softmax\n"))
    assert names(net) == ["image", "conv1", "norm1", "pool1", "conv2", "fc", "prob", "again"]
    assert net["pool1"].inputs == ("norm1",)


def test_defaults_of_the_variant_override_those_of_the_base(variant) -> None:
    net = netspec.load(variant("default conv neuron=square init=gaussian(0.5)\n"))
    ops = [type(net.graph.nodes[name].op).__name__ for name in ("conv1", "conv2")]
    assert ops == ["Square", "Tanh"]
    assert net.graph.parameters["conv1.weight"].distribution.std == 0.5


def test_defaults_on_all_lines_of_the_base_are_overridden(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(
        "[image] input 4\ndefault fc init=gaussian(0.1) bias=2\ndefault fc neuron=relu outputs=3\n[fc] fc\n"
    )
    path = tmp_path / "variant.net"
    path.write_text("net variant from=base.net\ndefault fc neuron=tanh\ndefault fc bias=1\n")
    net = netspec.load(path)
    assert type(net.graph.nodes["fc"].op).__name__ == "Tanh"
    assert net["fc"].output == (3,)
    assert net.graph.parameters["fc.weight"].distribution.std == 0.1
    assert net.graph.parameters["fc.bias"].distribution.value == 1
    assert netspec.loads(net.source.text).graph == net.graph


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("default conv neuron=tanh\ndefault conv neuron=relu\n", "duplicate-key"),
        ("train batch=8\ntrain batch=64\n", "duplicate-setting"),
    ],
)
def test_repetition_in_the_variant_is_an_error(variant, text: str, code: str) -> None:
    assert [found[:3] for found in diagnostics(variant(text))] == [(code, "variant.net", 3)]


def test_text_is_changed_as_a_file_is() -> None:
    text = "train epochs=3\n[i] input 4\n[f] fc outputs=2\n"
    net = netspec.loads(text, set=["f.outputs=5", "train.epochs=2"])
    assert (net["f"].output, net.graph.train.epochs) == ((5,), 2)
    with pytest.raises(ValueError, match="outputs=5"):
        netspec.loads(text, set=["outputs=5"])


def test_settings_are_changed_key_by_key(variant) -> None:
    train = netspec.load(variant("train batch=64\n")).graph.train
    assert (train.epochs, train.batch) == (3, 64)


def test_steps_of_a_variant_replace_the_epochs_of_its_base(variant) -> None:
    base = variant("train steps=9\n")
    train = netspec.load(base).graph.train
    assert (train.epochs, train.steps) == (None, 9)
    train = netspec.load(base, set=["train.epochs=2"]).graph.train
    assert (train.epochs, train.steps) == (2, None)
    with pytest.raises(netspec.SpecError):
        netspec.load(variant("train steps=9 epochs=2\n"))


def test_variant_can_have_a_variant(variant, tmp_path: Path) -> None:
    variant("[conv1] filters=4\n")
    second = tmp_path / "second.net"
    second.write_text("net second from=variant.net\n[conv1] kernel=5 pad=2\n")
    net = netspec.load(second)
    assert net["conv1"].output == (4, 16, 16)
    assert net["conv1"].weights == 4 * 3 * 5 * 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[conv1] strid=2\n", ("unknown-key", "variant.net", 2, 9)),
        ("[conv9] stride=2\n", ("unknown-layer", "variant.net", 2, 2)),
        ("drop pol1\n", ("unknown-layer", "variant.net", 2, 6)),
        ("drop\n", ("bad-value", "variant.net", 2, 1)),
        ("[x] relu after=nowhere\n", ("unknown-layer", "variant.net", 2, 16)),
        ("[conv1] stride=2\n[conv1] stride=1\n", ("duplicate-layer", "variant.net", 3, 2)),
        ("[conv1] rounding=exact kernel=4 stride=3\n", ("window-does-not-tile", "variant.net", 2, 24)),
    ],
)
def test_error_is_shown_in_the_file_that_causes_it(variant, text: str, expected: tuple) -> None:
    assert expected in diagnostics(variant(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[x] relu after=x\n", "there is no layer x to place it after"),
        ("[x] relu after=3\n", "after: needs the name of a layer"),
        ("[x] relu after=pol1\n", "there is no layer pol1 to place it after; did you mean pool1?"),
        ("drop pool1 pool1\n", "there is no layer pool1 to drop"),
        ("drop pol1\n", "there is no layer pol1 to drop; did you mean pool1?"),
    ],
)
def test_unknown_name_is_compared_with_the_existing_layers(variant, text: str, expected: str) -> None:
    assert message(variant(text))[0] == expected
    meant = expected.partition("did you mean ")[2].rstrip("?")
    fixes = refused(load, variant(text)).fixes
    assert [edit.text for fix in fixes for edit in fix.edits] == ([meant] if meant else [])


def test_other_number_of_gpus_replaces_that_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text("gpus 2\n[image] input 8\n[a] fc outputs=8\n[b] fc outputs=4 gpu=0\n")
    path = tmp_path / "variant.net"
    path.write_text("net v from=base.net\ngpus 4\n")
    assert load(path).graph.groups == 4
    path.write_text("net v from=base.net\ngpus 0\n")
    assert refused(load, path).span.source.name == str(path)


def test_new_layers_can_follow_each_other(variant) -> None:
    net = netspec.load(variant("drop prob\n[a] relu after=conv1\n[b] relu after=a\n[c] relu after=fc\n[d] softmax\n"))
    assert names(net) == ["image", "conv1", "a", "b", "pool1", "conv2", "fc", "c", "d"]


@pytest.mark.ci
@pytest.mark.parametrize("number", [pytest.param(100, marks=pytest.mark.slow), 2000])
@pytest.mark.parametrize(
    "changes",
    [pytest.param("changed", marks=pytest.mark.slow), "inserted", pytest.param("dropped", marks=pytest.mark.slow)],
)
def test_many_unknown_layers_take_limited_effort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, changes: str
) -> None:
    words = [f"lyaer{i}{changes}" for i in range(number)]
    text = {
        "changed": "".join(f"[{word}] slope=1\n" for word in words),
        "inserted": "".join(f"[new{i}] relu after={word}\n" for i, word in enumerate(words)),
        "dropped": f"drop {' '.join(words)}\n",
    }[changes]
    layers = "".join(f"[layer{i}{changes}] relu\n" for i in range(number))
    (tmp_path / "base.net").write_text(f"[image] input 3x8x8\n{layers}")
    (tmp_path / "variant.net").write_text(f"net variant from=base.net\n{text}")
    compared = record_results(monkeypatch, "netspec.diagnostics.nearest.distance", distance)
    tried = record_results(monkeypatch, "netspec.solve.trial.check", check)
    assert {code for code, *_ in diagnostics(tmp_path / "variant.net")} == {"unknown-layer"}
    assert 0 < len(compared) <= 2 * MAX_COMPARED, "the nearest name, and whether another is as near, however often"
    assert 0 < len(tried) <= MAX_SOLVED, "one change for each mistake that is looked into"
    assert sum(len(checked.file.sections) for checked in tried) <= MAX_LAYERS


def record_results(monkeypatch: pytest.MonkeyPatch, name: str, function: Callable[..., Any]) -> list[Any]:
    """Replace a function by one that records its results, and return the list of them."""
    results: list[Any] = []

    def call(*arguments: Any, **keywords: Any) -> Any:
        results.append(function(*arguments, **keywords))
        return results[-1]

    monkeypatch.setattr(name, call)
    return results


def test_command_line_changes_follow_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "base.net"
    path.write_text(BASE)
    net = load(path, changes=("conv1.stride=2", "train.batch=8", "conv1.pad=0"))
    assert net["conv1"].windows[0].window.stride == (2, 2)
    assert net.graph.train.batch == 8
    found = refused(load, path, changes=("conv1.strid=2",))
    assert (found.code, found.span.source.text, found.span.column) == ("unknown-key", "conv1.strid=2", 7)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("conv9.stride=2", "there is no layer conv9; did you mean conv2?"),
        ("trian.batch=2", "there is no layer trian; did you mean train?"),
        ("tr.batch=2", "there is no layer tr; did you mean train?"),
    ],
)
def test_change_of_an_unknown_layer_or_setting_has_no_notes(tmp_path: Path, change: str, expected: str) -> None:
    path = tmp_path / "base.net"
    path.write_text(BASE)
    assert message(path, (change,)) == (expected, ())


def test_all_names_are_listed_if_none_is_similar(tmp_path: Path) -> None:
    path = tmp_path / "base.net"
    path.write_text(
        "[image] input 3x8x8\n[c1] conv filters=4 kernel=3\n[c2] conv filters=4 kernel=3\n[f] fc outputs=2\n"
    )
    for change, first in (("nope.x=1", "nope"), ("c.stride=2", "c")):
        text, notes = message(path, (change,))
        assert text == f"there is no layer {first}"
        assert notes == ("there are image, c1, c2, f, net, train, augment, test",)
    path.write_text("[image] input 3x8x8\n" + "".join(f"[layer{n}] relu\n" for n in range(50)))
    assert message(path, ("zz.x=1",)) == ("there is no layer zz", ())


@pytest.mark.parametrize("change", ["conv1", "conv1.", "conv1.stride", "=2", "conv1.stride=2 [x] relu", "a.b.c=1"])
def test_invalid_change_is_an_error(tmp_path: Path, change: str) -> None:
    path = tmp_path / "base.net"
    path.write_text(BASE)
    with pytest.raises(netspec.SpecError):
        load(path, changes=(change,))


@pytest.mark.parametrize(("change", "code"), [("foo", 2), ("a.b.c=1", 2), ("nope.x=1", 1), ("conv1.stride=1", 0)])
def test_malformed_change_is_a_usage_error(tmp_path: Path, change: str, code: int) -> None:
    path = tmp_path / "base.net"
    path.write_text(BASE)
    done = invoke("check", "--set", change, path)
    assert done.exit_code == code
    assert (f"'{change}' is not a change" in done.stderr) == (code == 2)


def test_text_of_a_variant_is_a_complete_spec(variant) -> None:
    net = netspec.load(variant("drop pool1\n[conv1] filters=4\ndefault conv neuron=abs\ntrain batch=8\n"))
    again = netspec.loads(net.source.text)
    assert again.graph == net.graph


def test_comments_inside_values_are_removed(variant) -> None:
    text = "[conv1] init=gaussian(0.5 # a bracket)\n    )\n  filters=4 # four\ntrain schedule=steps(1, # :)\n 2)\n"
    net = netspec.load(variant(text))
    assert net.graph.parameters["conv1.weight"].distribution.std == 0.5
    assert "#" not in net.source.text
    assert "schedule=steps(1, 2)" in net.source.text
    assert netspec.loads(net.source.text).graph == net.graph


@pytest.mark.parametrize("name", ["tanh", "no-lrn", "tiled-pooling", "no-dropout", "no-colour", "four-convs"])
def test_ablation_specs_change_the_parameters_as_expected(name: str) -> None:
    specs = Path(__file__).parent.parent.parent / "specs"
    net, base = netspec.load(specs / f"alexnet-{name}.net"), netspec.load(specs / "alexnet.net")
    assert net.graph != base.graph
    parameters = {
        "tiled-pooling": 60_965_224 + (256 * 49 - 9216) * 4096,
        "four-convs": 60_965_224 - 663_552 - 384,
    }
    assert net.total.parameters == parameters.get(name, 60_965_224)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop pool1\n[fc] inputs=pool1\n", "layer 'pool1' is dropped"),
        ("drop pool1\n[pool1] kernel=3\n", "layer pool1 is dropped, and cannot be changed"),
        ("drop pool1\n[n] relu after=pool1\n", "layer pool1 is dropped: nothing can be placed after it"),
    ],
)
def test_dropped_layer_is_reported_as_dropped_without_suggestions(variant, text: str, expected: str) -> None:
    found = refused(netspec.load, variant(text))
    assert (found.code, found.message, found.fixes) == ("unknown-layer", expected, ())
    (label,) = found.labels
    assert (Path(label.span.source.name).name, label.span.line, label.span.text) == ("variant.net", 2, "pool1")


def test_command_line_change_of_a_dropped_layer_is_refused(variant) -> None:
    with pytest.raises(netspec.SpecError, match="layer pool1 is dropped, and cannot be changed"):
        load(variant("drop pool1\n"), changes=("pool1.kernel=3",))


def test_dropped_input_layer_is_reported_at_the_drop(variant) -> None:
    path = variant("drop image\n")
    assert diagnostics(path) == [("no-input", "variant.net", 2, 6)]


def test_dropped_layer_can_be_added_again(variant) -> None:
    net = netspec.load(variant("drop pool1\n[pool1] avgpool kernel=4 stride=4 after=conv1\n[conv2] inputs=pool1\n"))
    assert net["conv2"].inputs == ("pool1",)
