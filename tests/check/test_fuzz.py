"""Fuzzing with thousands of broken specs: every text gives a network, or diagnostics that can be printed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from checking import only_diagnostic, spec, valid_net
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from places import SPECS
from wrong_specs import CASES

from netspec.diagnostics import SpecError
from netspec.diagnostics.machine_readable import to_json
from netspec.diagnostics.text import render, render_all
from netspec.language.parser import MAX_MISTAKES
from netspec.net import loads
from netspec.opening import decode

GOOD = sorted(path.read_text("utf-8") for path in SPECS.glob("*.net"))
TEXTS = [*GOOD, *(case.text for case in CASES)]
TOKENS = sorted(
    {word for text in TEXTS for word in text.split()}
    | {"->", "=", ",", "(", ")", "[", "]", "\n", "\n ", "\t", "#", "0", "-1", "1e400", "9" * 60, "3x0x0", "gpus 3\n"}
    | {
        "inputs=image",
        "gpu=1",
        "gpu=all",
        "reads=all",
        "weights=conv1",
        "groups=3",
        "rounding=up",
        "size=65536",
        "init=gaussian(3.4e38)",
        "neuron=linear(-3.4e38)",
        "neuron=square",
        "bias=1e200",
        "k=1e-300",
        "alpha=0",
        "beta=-400",
        "é",
        "\r",
        "\x00",
        "\ufeff",
    }
)
IMAGE = "[image] input 3x32x32\n"
MAX_SECONDS = 5.0
"""Seconds that the check of a spec of AlexNet's size may take: about 200 times the usual, for busy machines."""

SLOW = examples(150, HealthCheck.data_too_large)


def check_and_render(text: str) -> None:
    """Check a text, and render its diagnostics in every format."""
    begin = time.process_time()
    try:
        net = loads(text)
    except SpecError as error:
        assert error.diagnostics
        assert any(d.severity == "error" for d in error.diagnostics)
        assert len(error.diagnostics) <= 2 * MAX_MISTAKES
        for diagnostic in error.diagnostics:
            assert diagnostic.message and diagnostic.message.isprintable()
            assert all(note and note.isprintable() for note in diagnostic.notes)
            assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
            assert len(render(diagnostic).splitlines()) <= 14
        render_all(error.diagnostics, 20)
        json.loads(to_json(error.diagnostics))
    else:
        assert net.graph.nodes
        assert net.total.units >= 0
        render_all(net.warnings)
    assert time.process_time() - begin < MAX_SECONDS


@st.composite
def broken(draw: Callable[..., object]) -> str:
    """Generate a correct or wrong spec with a few edits: characters, tokens or lines inserted, deleted or swapped."""
    text = draw(st.sampled_from(TEXTS))
    assert isinstance(text, str)
    for _ in range(draw(st.integers(1, 5))):  # type: ignore[call-overload]
        place = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        token = draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=3)))
        lines = text.split("\n")
        i, j = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        assert isinstance(place, int) and isinstance(length, int) and isinstance(token, str)
        assert isinstance(i, int) and isinstance(j, int)
        match draw(
            st.sampled_from(["insert", "delete", "replace", "double", "drop", "swap", "shuffle", "indent", "token"])
        ):
            case "insert":
                text = text[:place] + token + text[place:]
            case "delete":
                text = text[:place] + text[place + length :]
            case "replace":
                text = text[:place] + token + text[place + length :]
            case "double":
                text = "\n".join([*lines[:i], lines[i], *lines[i:]])
            case "drop":
                text = "\n".join([*lines[:i], *lines[i + 1 :]])
            case "swap":
                lines[i], lines[j] = lines[j], lines[i]
                text = "\n".join(lines)
            case "shuffle":
                text = "\n".join(draw(st.permutations(lines)))  # type: ignore[call-overload]
            case "indent":
                lines[i] = "  " + lines[i]
                text = "\n".join(lines)
            case "token":
                words = lines[i].split(" ")
                words[draw(st.integers(0, len(words) - 1))] = token  # type: ignore[call-overload]
                lines[i] = " ".join(words)
                text = "\n".join(lines)
    return text


@SLOW
@given(broken())
def test_edited_spec_is_checked_or_diagnosed(text: str) -> None:
    check_and_render(text)


@SLOW
@given(st.lists(st.sampled_from(TOKENS), max_size=60).map(" ".join))
def test_random_tokens_are_diagnosed(text: str) -> None:
    check_and_render(text)


@SLOW
@given(st.text(max_size=200))
def test_random_text_is_diagnosed(text: str) -> None:
    check_and_render(text)


@SLOW
@given(st.binary(max_size=200))
def test_random_bytes_are_diagnosed(data: bytes) -> None:
    try:
        source = decode(data, "a.net")
    except SpecError as error:
        assert [d.code for d in error.diagnostics] == ["not-text"]
        render(error.diagnostics[0])
    else:
        check_and_render(source.text)


EXTREME = ("0", "-0.0", "1", "-5", "400", "-400", "1e-300", "3.4e38", "-3.4e38", "1e39", "1e200", "-1e308")
NUMBERS_EVERYWHERE = """\
[image] input 4x8x8 range=1
[norm] lrn size=5 k={} alpha={} beta={}
[conv] conv filters=4 kernel=3 pad=1 init=gaussian({},{}) bias={} neuron=linear({},{})
[bn] batchnorm eps={}
[ln] layernorm eps={} groups=2
[gn] groupnorm eps={} groups={}
[within] rnorm size=3 k={} scale={} beta={}
[drop] dropout rate={}
[fc] fc outputs=4 init=uniform({}) bias=constant({}) neuron=tanh({},{})
"""


@SLOW
@given(st.lists(st.sampled_from(EXTREME), min_size=20, max_size=20))
def test_extreme_numbers_in_all_places_are_diagnosed(numbers: list[str]) -> None:
    check_and_render(NUMBERS_EVERYWHERE.format(*numbers))


@SLOW
@given(st.lists(st.sampled_from(EXTREME), min_size=20, max_size=20), st.integers(0, 19))
def test_single_extreme_number_is_diagnosed(numbers: list[str], place: int) -> None:
    check_and_render(NUMBERS_EVERYWHERE.format(*("0.5" if i != place else n for i, n in enumerate(numbers))))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "[n] fc outputs=3 init=gaussian(1e200)",
            "init: std needs a number that float32 holds (-3.4e+38 to 3.4e+38), not 1e+200",
        ),
        (
            "[n] maxpool kernel=1 neuron=linear(-1e39)",
            "neuron: a needs a number that float32 holds (-3.4e+38 to 3.4e+38), not -1e+39",
        ),
        ("[n] lrn size=5 alpha=1 k=0", "k: needs a number above 0, not 0"),
        ("[n] lrn size=5 alpha=1 k=-5", "k: needs a number above 0, not -5"),
        (
            "[n] fc outputs=3 max_norm=1e-45",
            "max_norm: needs a number of 1.2e-38 or more, the least above 0 that float32 holds well, not 1e-45",
        ),
        ("[n] lrn size=65537 alpha=1", "size: is at most 65,536, not 65537"),
        ("[n] lrn size=2000000000 alpha=1", "size: is at most 65,536, not 2000000000"),
    ],
)
def test_unusable_numbers_are_errors(line: str, message: str) -> None:
    assert only_diagnostic(f"{IMAGE}{line}").message == message


def test_largest_allowed_numbers_are_accepted() -> None:
    valid_net(f"{IMAGE}[n] lrn size=65536 alpha=3.4e38 k=1e-30 beta=-3.4e38")


@pytest.mark.many
@pytest.mark.parametrize("first", range(5))
def test_truncated_alexnet_is_diagnosed(first: int) -> None:
    text = spec("alexnet-tiny")
    for end in range(7 * first, len(text), 35):
        check_and_render(text[:end])
        check_and_render(text[end:])


@pytest.mark.many
@pytest.mark.parametrize("first", range(5))
def test_alexnet_without_any_one_line_is_diagnosed(first: int) -> None:
    lines = spec("alexnet").split("\n")
    for i in range(first, len(lines), 5):
        check_and_render("\n".join(lines[:i] + lines[i + 1 :]))


HUGE = {
    "broken lines": "x=\n" * 100_000,
    "broken sections": "[a b\n" * 100_000,
    "indented lines": IMAGE + "  a=1\n" * 20_000,
    "unknown settings": "foo\n" * 20_000,
    "unknown types": IMAGE + "".join(f"[a{i}] foo\n" for i in range(5_000)),
    "one name 5,000 times": IMAGE + "[a] relu\n" * 5_000,
    "5,000 readers of one layer": IMAGE + "".join(f"[a{i}] relu inputs=image\n" for i in range(5_000)),
    "inputs of 5,000": IMAGE + "[c] sum inputs=" + ",".join(["image"] * 5_000),
    "inputs of 5,000 unknown ones": IMAGE + "[c] sum inputs=" + ",".join(f"imag{i}" for i in range(5_000)),
    "kernels for 1,000 inputs": IMAGE + "[c] conv filters=4 kernel=3 inputs=" + ",".join(["image"] * 1_000),
    "misspelt names near 5,000": IMAGE
    + "".join(f"[layer{i}] relu\n" for i in range(5_000))
    + "".join(f"[b{i}] relu inputs=lyaer{i}\n" for i in range(500)),
    "a cycle of 3,000": "".join(f"[a{i}] relu inputs=a{i + 1}\n" for i in range(3_000)) + "[a3000] relu inputs=a0",
    "later layers": "".join(f"[a{i}] relu inputs=z\n" for i in range(3_000)) + "[z] input 3x3x3",
    "a name of a million letters": IMAGE + "[c] relu inputs=" + "a" * 1_000_000,
    "a number of a million digits": IMAGE + "[c] dropout rate=0." + "1" * 1_000_000,
    "brackets in brackets": IMAGE + "[c] fc outputs=" + "a(" * 100_000 + ")" * 100_000,
    "commas": IMAGE + "[c] relu inputs=" + "," * 1_000_000,
    "sizes": "[i] input " + "x".join(["3"] * 100_000),
    "one line of defaults": "default conv" + " bias=1" * 20_000 + "\n" + IMAGE,
    "lines of defaults": "".join(f"default conv z{i}=1\n" for i in range(5_000)),
    "2,000 claims refuted at the top": IMAGE + "".join(f"[a{i}] relu -> 3x31x31\n" for i in range(2_000)),
    "1,100 claims refuted twice": IMAGE + "".join(f"[a{i}] relu -> 3x31x31 weights=3\n" for i in range(1_100)),
    "a claim of 3,000 counts before their names": IMAGE + "[c] relu -> " + "3 weights " * 3_000,
    "a window over 2,000 layers": IMAGE
    + "[c] maxpool kernel=2 stride=7\n"
    + "".join(f"[a{i}] relu\n" for i in range(2_000)),
    "blank lines": "\n" * 1_000_000,
    "one comment": "#" * 4_000_000,
    "a comment of hashes on a warned line": IMAGE + "[c] maxpool kernel=2 stride=7 rounding=down " + "#" * 1_000_000,
    "a chain of 20,000 lrn": IMAGE + "".join(f"[a{i}] lrn size=5 alpha=1\n" for i in range(20_000)),
}


SEVERAL_SECONDS = {
    "commas",
    "a claim of 3,000 counts before their names",
    "misspelt names near 5,000",
    "a chain of 20,000 lrn",
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SEVERAL_SECONDS else pytest.mark.ci) for name in HUGE]
)
def test_huge_spec_takes_little_time_and_output(name: str) -> None:
    start = time.process_time()
    try:
        shown = render_all(loads(HUGE[name]).warnings, 20)
    except SpecError as error:
        assert len(error.diagnostics) <= 2 * MAX_MISTAKES
        shown = render_all(error.diagnostics, 20)
    assert len(shown) < 20_000
    assert time.process_time() - start < 2 * MAX_SECONDS
