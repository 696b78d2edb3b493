"""Notations of other languages and tools: the message shows the notation of specs, and the fix rewrites it."""

from __future__ import annotations

import time

import pytest
from checking import diagnostics_of, valid_net
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics import apply
from netspec.language.habits import MAX_TITLE_LENGTH, rewritten
from netspec.language.parser import parse
from netspec.source import Source

HEAD = "[image] input 3x32x32\n"
CONV = "[c] conv filters=4 kernel=3"
COMMAS = "keys are separated by spaces, without commas, and sizes are written 3x224x224"
BRACKETS = "brackets are only for the numbers of a word, gaussian(0.01); height and width are written 3x5"
LISTS = "lists are written without brackets, inputs=a,b, and sizes with the letter x, 3x224x224"
SIZES = "sizes are written with the letter x: 3x224x224"
QUOTES = "values are written without quotes"
COLON = "a value follows its key after '=': kernel=11"
COMMENT = "a comment begins with #"
SEMICOLONS = "keys and claims are separated by spaces, without semicolons"
COUNT = "a count is one number, weights=512000, or a rounded one, weights=512K"
RANGE = "range= is the value of a white pixel, and black is 0: range=255 or range=1"
DIGITS = "a number is written in full: 512000"
CLAIM = "a claim begins with ->"
JOINED = "the channels of a table's row are joined without spaces: 0+1+2"
MINUS = "a minus sign is written -"
NUMBERS = "the numbers of a word are written in brackets: gaussian(0.01)"

JOINS = "layers are joined by types: [c] sum inputs=a,b and [c] product inputs=a,b"
LAYER = "a layer is its name, type and keys: [conv1] conv filters=96 kernel=11"

BARE = "a layer is [name] type key=value ..."

HABITS = [
    ("c: conv filters=4 kernel=3", BARE, CONV, "[c]"),
    (f"{CONV} -> 4,30,30", COMMAS, f"{CONV} -> 4x30x30", "-> 4x30x30"),
    (f"{CONV} -> 4*30*30", SIZES, f"{CONV} -> 4x30x30", "-> 4x30x30"),
    (f"{CONV} -> 4X30X30", SIZES, f"{CONV} -> 4x30x30", "-> 4x30x30"),
    (f"{CONV} -> 4@30x30", SIZES, f"{CONV} -> 4x30x30", "-> 4x30x30"),
    (f"{CONV} -> 4\u00d730\u00d730", SIZES, f"{CONV} -> 4x30x30", "-> 4x30x30"),
    (f"{CONV} -> (4, 30, 30)", BRACKETS, f"{CONV} -> 4x30x30", "-> 4x30x30"),
    (f"{CONV} => 4x30x30", CLAIM, f"{CONV} -> 4x30x30", "-> 4x30x30"),
    (f"{CONV} \u2192 4x30x30", CLAIM, f"{CONV} -> 4x30x30", "-> 4x30x30"),
    (f"{CONV} \u2013> 4x30x30", CLAIM, f"{CONV} -> 4x30x30", "->"),
    (f"{CONV} --> 4x30x30", CLAIM, f"{CONV} -> 4x30x30", "->"),
    ("[c] conv filters=4 kernel=(3, 3)", BRACKETS, "[c] conv filters=4 kernel=3x3", "kernel=3x3"),
    ("[c] conv filters=4 kernel=5 pad=(2,2,2,2)", BRACKETS, "[c] conv filters=4 kernel=5 pad=2,2,2,2", "pad=2,2,2,2"),
    (f"{CONV}\naugment crop=32 from=[40, 48]", LISTS, f"{CONV}\naugment crop=32 from=40,48", "from=40,48"),
    (f"{CONV}\ntrain class_weights=[1,2,2,9]", LISTS, f"{CONV}\ntrain class_weights=1,2,2,9", "class_weights=1,2,2,9"),
    ("[c] conv filters: 4, kernel: 3", COLON, CONV, "filters=4 kernel=3"),
    ("[c] conv filters=4, kernel=3", COMMAS, CONV, "filters=4"),
    ("[c] conv filters==4 kernel=3", "a key and its value are separated by one =: kernel=11", CONV, "filters=4"),
    ('[c] conv filters="4" kernel=3', QUOTES, CONV, "filters=4"),
    ("[c] conv filters=4 kernel=\u201c3\u201d", QUOTES, CONV, "kernel=3"),
    ("[c]\u00a0conv filters=4 kernel=3", "words are separated by ordinary spaces", CONV, "[c] conv"),
    ("[c] conv filters=4 kernel=3;", SEMICOLONS, CONV, "kernel=3"),
    ("[c] conv filters=4; kernel=3", SEMICOLONS, CONV, "filters=4"),
    ("[c] conv filters=4;kernel=3", SEMICOLONS, CONV, "filters=4 kernel=3"),
    (f"{CONV}; -> 4x30x30", SEMICOLONS, f"{CONV} -> 4x30x30", "kernel=3"),
    (
        f"{CONV} ; -> 4x30x30; weights=108;",
        SEMICOLONS,
        f"{CONV} -> 4x30x30 weights=108",
        "kernel=3 -> 4x30x30 weights=108",
    ),
    (f"{CONV};# small", SEMICOLONS, f"{CONV} # small", "kernel=3"),
    (f"{CONV}, -> 4x30x30", COMMAS, f"{CONV} -> 4x30x30", "kernel=3"),
    (f"{CONV} -> weights=3*3*3*4", COUNT, f"{CONV} -> weights=108", "weights=108"),
    (f"{CONV} -> units=4*30*30 weights=108", COUNT, f"{CONV} -> units=3600 weights=108", "units=3600"),
    (f"{CONV} -> weights=(3*3)*3*( 2 + 2 )", COUNT, f"{CONV} -> weights=108", "weights=108"),
    (f"{CONV} -> weights=((8+1)*3 x 4)*1", COUNT, f"{CONV} -> weights=108", "weights=108"),
    (f"{CONV} -> weights=3*3*3*3+27", COUNT, f"{CONV} -> weights=108", "weights=108"),
    (f"{CONV} -> connections=97_200", COUNT, f"{CONV} -> connections=97200", "connections=97200"),
    (f"{CONV} -> connections=97.2k", COUNT, f"{CONV} -> connections=97.2K", "connections=97.2K"),
    (f"{CONV} -> connections=0.0001b", COUNT, f"{CONV} -> connections=0.0001G", "connections=0.0001G"),
    ("[f] fc outputs=1_000", DIGITS, "[f] fc outputs=1000", "outputs=1000"),
    ("[c] conv filters=4 kernel=3 // small", COMMENT, f"{CONV} # small", "#"),
    ("/* a net */", COMMENT, "# a net */", "#"),
    (
        "[c] conv filters=2 kernel=3 table=0 + 1,1 +2",
        JOINED,
        "[c] conv filters=2 kernel=3 table=0+1,1+2",
        "table=0+1,1+2",
    ),
    ("[d] dropout rate=50%", "a share is written as a number: 0.5", "[d] dropout rate=0.5", "rate=0.5"),
    ("[d] dropout rate=1/2", "numbers are written as decimals: 0.5", "[d] dropout rate=0.5", "rate=0.5"),
    ("[f] fc outputs=3 init=gaussian:0.01", NUMBERS, "[f] fc outputs=3 init=gaussian(0.01)", "init=gaussian(0.01)"),
    ("[f] fc outputs=3 neuron=tanh:2,3", NUMBERS, "[f] fc outputs=3 neuron=tanh(2, 3)", "neuron=tanh(2, 3)"),
    ("[f] fc outputs=3 init=gaussian(1e\u22122)", MINUS, "[f] fc outputs=3 init=gaussian(1e-2)", "init=gaussian(1e-2)"),
]


@pytest.mark.parametrize(("line", "note", "right", "shown"), HABITS)
def test_habit_is_explained_and_rewritten(line: str, note: str, right: str, shown: str) -> None:
    text = f"{HEAD}{line}\n"
    (found,) = diagnostics_of(text)
    assert (found.code, found.notes) == ("syntax", (note,))
    (fix,) = found.fixes
    assert (fix.title, fix.checks, fix.spelling) == (f"write {shown}", True, True)
    assert apply(fix.edits, text) == f"{HEAD}{right}\n"
    assert valid_net(apply(fix.edits, text)).graph


@pytest.mark.parametrize(
    ("written", "right"),
    [("0-255", "255"), ("0.0-1.0", "1"), ("0..255", "255"), ("0:1", "1"), ("[0, 255]", "255"), ("(0-1)", "1")],
)
def test_range_of_pixels_is_rewritten_as_its_upper_end(written: str, right: str) -> None:
    text = f"[i] input 3x32x32 range={written} mean=channel\n{CONV}\n"
    (found,) = diagnostics_of(text)
    (fix,) = found.fixes
    assert (found.notes, fix.title, fix.checks) == ((RANGE,), f"write range={right}", True)
    assert apply(fix.edits, text) == f"[i] input 3x32x32 range={right} mean=channel\n{CONV}\n"


def test_shape_in_parentheses_is_rewritten() -> None:
    (found,) = diagnostics_of("[image] input (3, 32, 32)\n" + CONV)
    assert apply(found.fixes[0].edits, "[image] input (3, 32, 32)\n" + CONV) == HEAD + CONV


@pytest.mark.parametrize(
    "line", ["[c] conv $", "layer {", "}", '{"layers": [{"type": "conv"}]}', "name: alexnet", "[c conv", "<<<<<<< HEAD"]
)
def test_unreadable_notation_gets_no_fix(line: str) -> None:
    (found,) = diagnostics_of(f"{HEAD}[r] relu\n{line}\n")
    assert (found.code, found.fixes) == ("syntax", ())


@pytest.mark.parametrize("line", ["[c] image * image", "[c] image + image"])
def test_formula_of_layers_is_explained(line: str) -> None:
    (found,) = diagnostics_of(f"{HEAD}{line}\n")
    assert (found.notes, found.fixes) == ((JOINS,), ())


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("[f] fc outputs=3 neuron=nn.SiLU", "[f] fc outputs=3 neuron=silu"),
        ("[f] fc outputs=3 neuron=torch.nn.SiLU", "[f] fc outputs=3 neuron=silu"),
        ("[f] nn.ReLU()", "[f] relu"),
        ("[n] nn.GroupNorm(1, 3)", "[n] groupnorm groups=1"),
        ("[n] nn.Dropout2d(p=0.2)", "[n] dropout over=channels rate=0.2"),
    ],
)
def test_class_of_torch_is_rewritten_without_its_module(line: str, right: str) -> None:
    text = f"{HEAD}{line}\n"
    (found,) = diagnostics_of(text)
    assert found.fixes[0].checks
    assert apply(found.fixes[0].edits, text) == f"{HEAD}{right}\n"


def test_range_of_channels_is_explained() -> None:
    (found,) = diagnostics_of(f"{HEAD}[c] conv filters=1 kernel=3 table=0-2\n")
    assert (found.code, found.notes, found.fixes) == ("syntax", ("a range is written out: 0+1+2",), ())


@pytest.mark.parametrize(
    ("line", "name", "note"),
    [
        ("c.pad=1", "c.pad", "[conv1] stride=2 changes a key of a layer; conv1.stride=2 is for --set"),
        ("[c] torch.nn.Conv2d", "torch.nn.Conv2d", "a name is letters, digits, _ and -"),
        ("[c] nn.Sequential(nn.ReLU(), 1)", "nn.Sequential", LAYER),
        ("nn.Conv2d(int(w), 8, 3, padding=1)", "nn.Conv2d", LAYER),
        ("self.act = act(3)", "self.act", LAYER),
        ("[c] conv1/pool", "conv1/pool", "a name is letters, digits, _ and -"),
        ("[c] relu//mine", "relu//mine", COMMENT),
    ],
)
def test_name_with_dots_or_slashes_is_shown_whole(line: str, name: str, note: str) -> None:
    (found,) = diagnostics_of(f"{HEAD}{line}\n")
    assert (found.message, found.span.text, found.notes) == (f"unexpected '{name}'", name, (note,))


def test_bound_of_a_key_is_explained_as_that_of_a_claim_is() -> None:
    (found,) = diagnostics_of(f"{HEAD}[c] conv filters=4 kernel<=3\n")
    assert (found.code, found.notes) == ("syntax", ("a value is one number, not a bound: kernel=3, parameters=61.0M",))


def test_weights_of_another_layer_are_not_taken_for_a_count() -> None:
    (found,) = diagnostics_of(f"{HEAD}{CONV}\n[d] conv filters=4 kernel=3 weights=c.weight\n")
    assert found.notes == ("a name is letters, digits, _ and -",)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("[f] fc outputs=4k", DIGITS),
        ("[c] relu -> units=(3*32*32", COUNT),
        ("[r] relu inputs=image:0", "a value follows its key after '=': kernel=11"),
    ],
)
def test_number_whose_value_is_not_clear_is_explained_without_a_fix(line: str, note: str) -> None:
    (found,) = diagnostics_of(f"{HEAD}{line}\n")
    assert (found.notes, found.fixes) == ((note,), ())


def test_comma_at_the_end_of_a_statement_is_removed() -> None:
    (found,) = diagnostics_of(f"{HEAD}[c] conv filters=4,\n  kernel=3,  # small\n")
    assert apply(found.fixes[0].edits, found.span.source.text) == f"{HEAD}[c] conv filters=4\n  kernel=3  # small\n"


def test_list_that_goes_on_below_keeps_its_comma() -> None:
    (found,) = diagnostics_of(f"{HEAD}[s] sum inputs=image,\n  image;\n")
    assert apply(found.fixes[0].edits, found.span.source.text) == f"{HEAD}[s] sum inputs=image,\n  image\n"


def test_merge_conflict_is_recognised() -> None:
    text = f"<<<<<<< HEAD\n{HEAD}=======\n>>>>>>> other\n"
    assert {note for d in diagnostics_of(text) for note in d.notes} == {
        "this is an unresolved merge conflict: keep one of the two versions"
    }


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("[c] conv filters= kernel=3", "filters"),
        ("[c] conv filters=4 kernel=", "kernel"),
        ("[c] conv filters=4 kernel= -> 4x30x30", "kernel"),
        ("[c] conv filters=4 kernel=  # three", "kernel"),
        ("train epochs=\n  batch=3", "epochs"),
    ],
)
def test_key_without_a_value_is_named(line: str, key: str) -> None:
    (found,) = diagnostics_of(f"{HEAD}{line}\n[r] relu\n")
    assert found.message == f"{key} has no value"
    assert found.span.text == f"{key}="


def test_shape_in_pieces_is_joined() -> None:
    text = "[image] input 3 x 32 x 32\n[c] conv filters=4 kernel=3 -> 4 x 30 x 30\n"
    shape, claim = diagnostics_of(text)
    assert [d.code for d in (shape, claim)] == ["stray-value"] * 2
    assert (claim.message, claim.span.text) == ("a shape is written as one value", "4 x 30 x 30")
    text = apply([*shape.fixes[0].edits, *claim.fixes[0].edits], text)
    assert text == f"{HEAD}{CONV} -> 4x30x30\n"


PIECES = st.lists(
    st.sampled_from(
        [*"[]()=,:;%/*\"'#\n <>{}-", "\u2192", "\u00d7", "\u2212", "\u00a0", "x", "X", "30", "conv", "->", "pad"]
    )
)


@given(PIECES)
def test_rewriting_edits_are_ordered_and_disjoint(pieces: list[str]) -> None:
    source = Source("a.net", "[c] conv " + "".join(pieces))
    found = rewritten(source, 0, len(source.text))
    if found is not None:
        fix, text = found
        assert apply(fix.edits, source.text) == text
        ends = [0, *(edit.span.end for edit in fix.edits)]
        assert all(end <= edit.span.start for end, edit in zip(ends, fix.edits, strict=False))
        assert len(fix.title) <= MAX_TITLE_LENGTH + len("write ")


LINES = 200


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("[c] t " + ", " * 900, marks=pytest.mark.ci),
        pytest.param("[c] t : " + "3 x " * 450, marks=pytest.mark.slow),
        pytest.param("[c] t k=" + "(1" * 900, marks=pytest.mark.slow),
    ],
)
def test_long_lines_of_habits_take_little_time(line: str) -> None:
    start = time.process_time()
    found = parse(Source("a.net", f"{line}\n" * LINES)).diagnostics
    assert len(found) == LINES
    assert time.process_time() - start < 6


@pytest.mark.parametrize(
    ("written", "missing", "right"),
    [
        ("[s] sum inputs=a, b c, d", "b and c", "[s] sum inputs=a, b,c, d"),
        ("[s] sum inputs=a b, c", "a and b", "[s] sum inputs=a,b, c"),
        ("[c] conv pad=1 2,1,2", "1 and 2", "[c] conv pad=1,2,1,2"),
    ],
)
def test_missing_comma_in_a_list_is_named(written: str, missing: str, right: str) -> None:
    (found,) = parse(Source("a.net", written)).diagnostics
    assert found.message == f"a comma is missing between {missing}"
    (fix,) = found.fixes
    assert apply(fix.edits, written) == right


def test_list_of_numbers_behind_a_word_is_put_in_its_brackets() -> None:
    (found,) = parse(Source("a.net", "train schedule=steps 10, 20,30 epochs=40")).diagnostics
    assert (found.message, found.span.text) == ("the numbers of steps are written in brackets", "steps 10, 20,30")
    (fix,) = found.fixes
    assert apply(fix.edits, found.span.source.text) == "train schedule=steps(10, 20,30) epochs=40"
