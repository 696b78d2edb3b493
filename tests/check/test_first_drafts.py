"""What a first spec has wrong that another tool or layout would accept: each mistake is told once, with its remedy."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, only_diagnostic

from netspec.diagnostics import apply
from netspec.net import loads

IMAGE = "[i] input 3x8x8\n"


def test_lines_in_a_wrong_column_are_moved() -> None:
    text = IMAGE + "  [c] conv filters=2 kernel=3\npad=1\n"
    unindented, indented = sorted(diagnostics_of(text), key=lambda found: found.span.line, reverse=True)
    assert unindented.fixes[0].title == "indent it, as a part of [c]"
    once = apply(unindented.fixes[0].edits, text)
    assert once == IMAGE + "  [c] conv filters=2 kernel=3\n  pad=1\n"
    assert indented.fixes[0].title == "leave out the space before it"
    moved = apply(only_diagnostic(once).fixes[0].edits, once)
    assert moved == IMAGE + "[c] conv filters=2 kernel=3\n  pad=1\n"
    assert loads(moved)["c"].output == (2, 8, 8)


def test_line_with_a_key_that_the_statement_above_does_not_have_is_one_mistake() -> None:
    found = only_diagnostic(IMAGE + "[f] fc outputs=2\nloss=crossentropy")
    assert (found.code, found.message, found.fixes) == ("unknown-key", "fc has no key 'loss'", ())
    assert found.notes[0] == "a line that begins with a key continues the statement above it, and is indented"
    misspelt = diagnostics_of(IMAGE + "[f] fc\noutput=2")
    assert [one.code for one in misspelt] == ["unindented-continuation", "unknown-key"]


@pytest.mark.parametrize("keys", ["global=true", "global_pooling=True", "GlobalPooling=yes"])
@pytest.mark.parametrize("pooling", ["avgpool", "maxpool"])
def test_key_for_pooling_over_the_whole_map(pooling: str, keys: str) -> None:
    text = IMAGE + f"[p] {pooling} {keys}"
    found = only_diagnostic(text)
    assert found.message == f"{pooling} has no key '{keys.partition('=')[0]}'; did you mean kernel=global?"
    assert loads(apply(found.fixes[0].edits, text))["p"].output == (3, 1, 1)


@pytest.mark.parametrize("line", ["conv filters=2 kernel=3 global=true", "avgpool kernel=2 global=false"])
def test_key_for_the_whole_map_that_means_no_such_pooling(line: str) -> None:
    found = only_diagnostic(IMAGE + f"[p] {line}")
    assert (found.code, found.fixes) == ("unknown-key", ())


def test_loss_as_a_setting() -> None:
    found = only_diagnostic(IMAGE + "[f] fc outputs=2\n[p] softmax\nloss cross_entropy")
    assert found.message == "setting 'loss' is unknown"
    assert found.notes[0].startswith("a loss is a layer, [loss] crossentropy; without one it is the cross-entropy")


def test_key_after_a_word_of_another_tool_is_no_argument_of_the_right_word() -> None:
    text = IMAGE + "[f] fc outputs=2\naugment flip=True normalize=imagenet"
    flip, normalize = diagnostics_of(text)
    assert (flip.code, flip.fixes[0].title) == ("bad-value", "write horizontal")
    assert normalize.message == "augment has no key 'normalize'"


def test_setting_that_is_written_twice_is_joined() -> None:
    text = IMAGE + "[f] fc outputs=2\ntrain epochs=3\n# the rest\ntrain batch=7\n"
    assert only_diagnostic(text).fixes == ()  # a comment or a layer is between the two
    text = text.replace("# the rest\n", "\n")
    found = only_diagnostic(text)
    assert (found.code, found.fixes[0].title) == ("duplicate-setting", "indent it, as a part of train")
    train = loads(apply(found.fixes[0].edits, text)).graph.train
    assert (train.epochs, train.batch) == (3, 7)


@pytest.mark.parametrize(
    ("line", "title", "note"),
    [
        ("[f]: fc outputs=2", "write [f]", "a layer's type follows its name: [conv1] conv kernel=11"),
        ("[f] = fc outputs=2", "write [f]", "a layer's type follows its name: [conv1] conv kernel=11"),
    ],
)
def test_sign_after_the_name_of_a_layer(line: str, title: str, note: str) -> None:
    text = IMAGE + line
    found = only_diagnostic(text)
    assert (found.notes, found.fixes[0].title) == ((note,), title)
    assert loads(apply(found.fixes[0].edits, text))["f"].output == (2,)


def test_first_line_that_begins_with_a_key() -> None:
    text = "net = a\n" + IMAGE + "[f] fc outputs=2"
    found = only_diagnostic(text)
    assert found.message.startswith("this line begins with a key, but there is no statement above it")
    assert loads(apply(found.fixes[0].edits, text)).graph.name == "a"
    assert only_diagnostic("epochs=3\n" + IMAGE + "[f] fc outputs=2").fixes == ()


def test_type_in_place_of_the_name_of_a_layer() -> None:
    text = IMAGE + "[c] conv filters=2 kernel=3\n[m] concat inputs=c,i\n[d] conv filters=2 kernel=1 inputs=concat"
    text = text.replace("kernel=3", "kernel=3 pad=1")
    found = only_diagnostic(text)
    assert found.message == "layer 'concat' is unknown; did you mean m, the only concat?"
    assert loads(apply(found.fixes[0].edits, text))["d"].output == (2, 8, 8)
    assert only_diagnostic(text.replace("inputs=concat", "inputs=conv")).fixes[0].title == "write c"
    assert not only_diagnostic(IMAGE + "[a] relu\n[b] relu inputs=i\n[s] sum inputs=a,relu").message.endswith(
        "only relu?"
    )


@pytest.mark.parametrize("keys", ["weightdecay=1e-4", "lr=0.1 weightdecay=1e-4", "wd=1e-4"])
def test_weight_decay_in_one_word_is_an_argument_of_the_optimizer(keys: str) -> None:
    text = IMAGE + f"[f] fc outputs=2\ntrain {keys}"
    found = only_diagnostic(text)
    train = loads(apply(found.fixes[0].edits, text)).graph.train
    assert train.weight_decay == 1e-4
