"""Layer files as they are found: written on other systems, by hand, in forks, half, or wrong; with their verdicts."""

from __future__ import annotations

import time

import pytest
from layerfiles import DATA, conv, ending, load, net, said, told

BASE = net(conv("c", "data", 3), "c")
PARAMETERS = load(BASE).total.parameters


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("\n", "\r\n"),
        BASE.replace("\n", "  \n"),
        BASE.replace("\n", "\t\n\n"),
        BASE.replace("=", "\t=\t"),
        BASE.replace("=", ": "),
        BASE.replace("type=", "TYPE=").replace("inputs=", "Inputs="),
        BASE.replace("filters=16", "filters=16 ; as before"),
        BASE.replace("filters=16", "filters=+16"),
        BASE.replace("filters=16", "filters=32\nfilters=16"),
        BASE.replace("[out]", "# an output\n;and a second remark\nrem and a third\n[out]"),
        BASE.replace("initW=0.3", "initW=.3"),
        BASE.replace("initW=0.3", "initW=3e-1"),
        BASE + "[c]\ninitW=0.5\n",
        BASE.replace("[c]\n", "[c]\nneuron=tanh [1.7159, .667]\n"),
        BASE.replace("[c]\n", '[c]\nneuron=""\n'),
        BASE.replace("[c]", "[conv 1 (first)]").replace("inputs=c", "inputs=conv 1 (first)"),
    ],
)
def test_what_makes_no_difference(text: str) -> None:
    found = load(text)
    assert (found.total.parameters, found.warnings) == (PARAMETERS, ())


def test_values_of_all_sections_and_of_other_keys() -> None:
    text = "[DEFAULT]\ngpu=0\nside=3\n" + BASE.replace("gpu=0\n", "").replace("filterSize=3", "filterSize=%(side)s")
    found = load(text)
    assert found.total.parameters == PARAMETERS
    assert {d.code for d in found.warnings} == {"cfg-ignored-key"}


@pytest.mark.parametrize(
    ("old", "new", "code", "underlined"),
    [
        ("type=conv", "type=Conv", "unknown-type", "Conv"),
        ("type=conv", 'type="conv"', "unknown-type", '"conv"'),
        ("type=conv\n", "", "missing-key", "[c]"),
        ("filters=16", "filters=16.0", "bad-value", "16.0"),
        ("filters=16", "filters=16L", "bad-value", "16L"),
        ("filters=16", "filters=0x10", "bad-value", "0x10"),
        ("filters=16", "filters=1e1", "bad-value", "1e1"),
        ("filters=16", "filters=16 # as before", "bad-value", "16 # as before"),
        ("filters=16", "filters=16; as before", "bad-value", "16; as before"),
        ("filters=16", "filters=", "bad-value", "filters"),
        ("filters=16", "filters=16,", "bad-value", "16,"),
        ("filters=16", "filters=16%", "cfg-syntax", "16%"),
        ("filters=16", "filters=%(sides)s", "cfg-syntax", "%(sides)s"),
        ("filters=16", "filters", "cfg-syntax", "filters"),
        ("inputs=data", "inputs=data,", "unknown-layer", "data,"),
        ("inputs=data", "inputs=Data", "unknown-layer", "Data"),
        ("inputs=data", "inputs=", "unknown-layer", "inputs"),
        ("initW=0.3", "initW=0,3", "bad-value", "0,3"),
        ("initW=0.3", "initW=inf", "bad-value", "inf"),
        ("padding=1", "padding=-1", "bad-value", "-1"),
        ("dataIdx=0\n", "", "missing-key", "[data]"),
    ],
)
def test_what_the_original_refused_of_a_value(old: str, new: str, code: str, underlined: str) -> None:
    assert old in BASE
    found = said(BASE.replace(old, new, 1))
    assert (code, underlined) in [(d.code, d.span.text) for d in found if d.severity == "error"]


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("dropout=0.5", "dropout"),  # of forks
        ("cropborder=16", "cropborder"),
        ("note=50% more than before", "note"),  # which the original did not look at
        ("note=%(nothing)s", "note"),
    ],
)
def test_what_the_original_did_not_look_at_is_told(more: str, key: str) -> None:
    found = load(BASE.replace("[c]\n", f"[c]\n{more}\n"))
    assert told(found.warnings) == [("cfg-ignored-key", 8, key)]


def test_an_indented_line_goes_on_with_the_one_above() -> None:
    found = said(BASE.replace("filters=16", "  filters=16"))
    assert ("bad-value", 10) in [(d.code, d.span.line) for d in found]


def test_a_layer_that_is_read_above_itself_and_a_ring_of_two() -> None:
    early = told(said(DATA + ending("c") + conv("c", "data", 3)))
    assert early == [("reads-later-layer", 9, "c")]
    ring = told(said(DATA + conv("c", "d", 16) + conv("d", "c", 16) + ending("d")))
    assert ring == [("reads-later-layer", 9, "d")]


def test_labels_that_no_cost_reads_yet_are_no_second_input() -> None:
    half = BASE.partition("[probs]")[0].replace("initW=0.1", "initW=")
    assert told(said(half)) == [("bad-value", 23, "initW")]


@pytest.mark.parametrize("length", range(10, len(BASE) - 20, 37))
def test_half_a_file_is_told_at_a_line_of_it(length: int) -> None:
    found = said(BASE[:length])
    wrong = [d for d in found if d.severity == "error"]
    assert wrong
    assert all(1 <= d.span.line <= BASE[:length].count("\n") + 1 for d in wrong)


QUARTER = 2**18  # of a megabyte
LONG = {
    "sections": "".join(f"[a{i}]\ntype=fc\n" for i in range(QUARTER // 12)),
    "keys": BASE + "[c]\n" + "".join(f"key{i}=1\n" for i in range(QUARTER // 12)),
    "lines of a value": BASE + "[c]\nfilters=16\n" + " 1\n" * (QUARTER // 3),
    "inputs": BASE + "[f]\ntype=fc\ninputs=" + "data," * (QUARTER // 5),
    "a key without end": BASE + "[c]\nx" + " " * QUARTER,
    "a name without end": BASE + "[" + "x" * QUARTER,
    "values of other keys": BASE + "[c]\nfilters=" + "%(x)s" * (QUARTER // 5),
    "semicolons": BASE + "[c]\nfilters=1" + ";" * QUARTER,
    "a ring": "".join(f"[a{i}]\ntype=neuron\nneuron=relu\ninputs=a{i + 1}\n" for i in range(4_000)),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_much_of_anything_is_read_in_time(text: str) -> None:
    began = time.process_time()
    found = said(text)
    assert time.process_time() - began < 5
    assert all(d.span.line >= 1 for d in found)
