"""The formatter: its layout, that it keeps the content, and that formatting again changes nothing."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from places import SPECS
from spec_texts import specs

from netspec.diagnostics import SpecError
from netspec.language.formatter import formatted
from netspec.language.parser import parse
from netspec.language.syntax import Number, Section
from netspec.source import Source, Span

SHIPPED = sorted(SPECS.rglob("*.net"))
SOME = examples(100)


def layout(text: str) -> str:
    return formatted(Source("a.net", text))


def content(text: str) -> object:
    """Return the content of a spec without positions, with numbers as they are written."""

    def plain(node: object) -> object:
        if isinstance(node, Number):
            return node.span.text
        if isinstance(node, Section):
            return plain((node.name, node.values, node.pairs, node.claim, node.broken))
        names = [field.name for field in fields(node)] if is_dataclass(node) else getattr(node, "_fields", ())
        if names:
            found = ((name, getattr(node, name)) for name in names)
            return (
                type(node),
                *((name, plain(value)) for name, value in found if not isinstance(value, Span | Source)),
            )
        return tuple(map(plain, node)) if isinstance(node, tuple) else node

    file = parse(Source("a.net", text))
    assert file.diagnostics == ()
    in_order = [statement.span.start for statement in (*file.sections, *file.settings)]
    return plain(file), sorted(range(len(in_order)), key=in_order.__getitem__)


def comments(text: str) -> list[str]:
    """Return all comments in order, without spaces."""
    return ["".join(comment.split()) for comment in re.findall(r"#[^\r\n]*", text)]


def trailing_comments(text: str) -> list[tuple[int, str]]:
    """Return the comments on lines on which a statement begins, with the statement's number."""
    begins = [line for line in re.split(r"\r\n|\r|\n", text) if re.match(r"[\[A-Za-z_]", line)]
    found = ((number, line.partition("#")[2]) for number, line in enumerate(begins) if "#" in line)
    return [(number, "".join(comment.split())) for number, comment in found]


@pytest.mark.many
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_formatting_a_shipped_spec_keeps_its_content_and_is_stable(path: Path) -> None:
    text = path.read_text("utf-8")
    assert content(layout(text)) == content(text)
    assert comments(layout(text)) == comments(text)
    assert layout(layout(text)) == layout(text)


def test_alexnet_is_formatted_canonically() -> None:
    text = next(path for path in SHIPPED if path.name == "alexnet.net").read_text("utf-8")
    assert layout(text) == text
    squeezed = re.sub(r"(?<=\S)[ \t]+(?=\S)", " ", text)
    assert squeezed != text
    assert layout(squeezed) == re.sub(r"(?m)(?<=^#).*", lambda line: re.sub(" +", " ", line[0]), text)


@SOME
@given(specs())
def test_formatting_keeps_content_and_comments_and_is_stable(text: str) -> None:
    done = layout(text)
    assert content(done) == content(text)
    assert comments(done) == comments(text)
    assert trailing_comments(done) == trailing_comments(text)
    assert layout(done) == done
    assert is_neat(done)
    assert _ENDS.findall(done)[:1] == (_ENDS.findall(text)[:1] or ["\n"])[: len(done)]


_ENDS = re.compile(r"\r\n|\r|\n")


def is_neat(text: str) -> bool:
    """Whether a text has no tabs, one kind of line end, no repeated blank lines, no trailing space, and code within
    120 columns."""
    ends = set(_ENDS.findall(text))
    text = _ENDS.sub("\n", text)
    lines = text.split("\n")
    code = [line.partition("#")[0].rstrip() for line in lines]
    return (
        len(ends) <= 1
        and not re.search(r"\t|\A\n|\n\n\n|\n\n\Z", text)
        and (text == "" or text.endswith("\n"))
        and all(line == line.rstrip() for line in lines)
        and all(len(line) <= 120 or len(max(re.split(r"[ ,]", line), key=len)) > 55 for line in code)
    )


@SOME
@given(st.sampled_from(SHIPPED), st.data())
def test_edited_spec_is_refused_or_keeps_its_content(path: Path, data: st.DataObject) -> None:
    text = path.read_text("utf-8")
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        text = text[:start] + data.draw(st.text("\n\r\t #=,()[]->ax3.\f\x0b\x85\u2028", max_size=5)) + text[end:]
    try:
        done = layout(text)
    except SpecError as refused:
        assert set(refused.diagnostics) == set(parse(Source("a.net", text)).diagnostics)
        return
    assert content(done) == content(text)
    assert comments(done) == comments(text)
    assert layout(done) == done


CASES = {
    "settings": (
        "gpus 2\nnet alexnet rounding = up\ndefault conv init=gaussian( 0.01 ) neuron=relu\n"
        "default fc init=gaussian(0.005) neuron=relu\naugment crop=224 from=256 flip=horizontal\n"
        "drop   norm1   norm2\n",
        "gpus    2\n"
        "net     alexnet  rounding=up\n"
        "default conv  init=gaussian(0.01)   neuron=relu\n"
        "default fc    init=gaussian(0.005)  neuron=relu\n"
        "augment  crop=224 from=256  flip=horizontal\n"
        "drop    norm1 norm2\n",
    ),
    "values are spelled as they are": (
        "[a] conv pad=1, 2 ,1,2 alpha=1e-4 f=tanh( 1.7159,0.667 ) g = sgd(lr = .5,x=+3) h=f(1,2), 3\n",
        "[a]      conv     pad=1,2,1,2  alpha=1e-4  f=tanh(1.7159, 0.667)  g=sgd(lr=.5, x=+3)  h=f(1, 2),3\n",
    ),
    "keys are columns as far as they agree, in one block and type": (
        "[a] conv filters=8 kernel=11 stride=4\n[b] conv filters=256 kernel=5 pad=2 bias=1\n"
        "[c] conv kernel=3 filters=6 pad=1\n[d] fc filters=1 kernel=1\n\n[e] conv filters=1 kernel=1\n",
        "[a]      conv     filters=8    kernel=11  stride=4\n"
        "[b]      conv     filters=256  kernel=5   pad=2  bias=1\n"
        "[c]      conv     kernel=3  filters=6  pad=1\n"
        "[d]      fc       filters=1  kernel=1\n"
        "\n"
        "[e]      conv     filters=1  kernel=1\n",
    ),
    "what ends a line does not widen its column": (
        "[a] fc outputs=4096\n[b] fc outputs=10 neuron=linear\n",
        "[a]      fc       outputs=4096\n[b]      fc       outputs=10  neuron=linear\n",
    ),
    "longer names and types move the columns of the whole file": (
        "[inception] concat inputs=a,b\n\n[c] crossentropy weight=1\n[d] conv\n",
        "[inception] concat        inputs=a,b\n\n[c]         crossentropy  weight=1\n[d]         conv\n",
    ),
    "a bare layer's type does not": (
        "[a] fc outputs=3\n[b] crossentropy\n",
        "[a]      fc       outputs=3\n[b]      crossentropy\n",
    ),
    "nor does one monster": (
        f"[{'n' * 30}] fc outputs=3\n[b] fc outputs=4\n",
        f"[{'n' * 30}] fc  outputs=3\n[b]      fc       outputs=4\n",
    ),
    "a layer without a type": ("[conv1] stride=2\n[conv2]\n", "[conv1]  stride=2\n[conv2]\n"),
    "claims": (
        "[a] conv kernel=3->96x55x55\n[b] conv -> units = 4 weights=5\n",
        f"{'[a]      conv     kernel=3':73}-> 96x55x55\n{'[b]      conv':73}-> units=4 weights=5\n",
    ),
    "a claim after longer items follows them": (
        f"[a] conv kernel=3 {'x' * 60} -> 3\n[b] conv kernel=3 -> 4\n",
        f"[a]      conv     kernel=3  {'x' * 60}  -> 3\n{'[b]      conv     kernel=3':73}-> 4\n",
    ),
    "a claim too long for its column draws the others along": (
        "[a] conv kernel=3 pad=1 -> 96x55x55 units=290400 weights=34848 connections=105415200\n[b] fc -> 3\n",
        "[a]      conv     kernel=3  pad=1  -> 96x55x55 units=290400 weights=34848 connections=105415200\n"
        "[b]      fc                        -> 3\n",
    ),
    "but never further right": (
        f"[a] fc {'x' * 60} -> 3\n[b] fc -> {'y' * 60}\n[c] fc -> 4\n",
        f"[a]      fc       {'x' * 60}  -> 3\n[b]      fc       -> {'y' * 60}\n{'[c]      fc':73}-> 4\n",
    ),
    "comments beside settings and layers": (
        "net a # one\ngpus 2 #two\n\n[a] conv # three\n[b] fc -> 3\n",
        f"{'net     a':36}# one\n{'gpus    2':36}#two\n\n{'[a]      conv':73}# three\n{'[b]      fc':73}-> 3\n",
    ),
    "comments after claims are aligned too": (
        "[a] conv # one\n[b] fc -> 3x3x3 # two\n",
        f"{'[a]      conv':83}# one\n{'[b]      fc':73}-> 3x3x3  # two\n",
    ),
    "comment lines": (
        "\n\n   # top\n#middle\ntrain epochs=9\n # under train\n\n\n# below\t.\n[a] conv\n\t# under a\n",
        "# top\n#middle\ntrain    epochs=9\n         # under train\n\n# below .\n[a]      conv\n"
        "                  # under a\n",
    ),
    "line breaks stay, but not inside an item": (
        "train epochs=9\n  batch=3 # b\n\n  # between\n# flush\n"
        "  schedule=plateau(factor=0.1, # f\n\n  # g\n  times=3) # h\n",
        "train    epochs=9\n"
        f"{'         batch=3':48}# b\n"
        "\n"
        "         # between\n"
        "# flush\n"
        "         schedule=plateau(factor=0.1, times=3)  # f\n"
        "         # g\n"
        "         # h\n",
    ),
    "a broken head": (
        "[\n # c\n a ]\n conv kernel=3\n",
        "[a]      conv\n                  # c\n                  kernel=3\n",
    ),
    "a cell wider than a column may be": (
        "[a] concat inputs=conv1,conv2,conv3,conv4 neuron=relu\n[b] concat inputs=a,b neuron=relu bias=1\n"
        "[c] concat inputs=a neuron=tanh bias=1\n",
        "[a]      concat   inputs=conv1,conv2,conv3,conv4  neuron=relu\n"
        "[b]      concat   inputs=a,b  neuron=relu  bias=1\n"
        "[c]      concat   inputs=a    neuron=tanh  bias=1\n",
    ),
    "lines that go on have no columns": (
        "[a] conv\n bias=1 pad=1\n[b] conv\n bias=100 pad=1\n",
        f"[a]      conv\n{'':18}bias=1  pad=1\n[b]      conv\n{'':18}bias=100  pad=1\n",
    ),
    "a line that the columns would make too long": (
        f"[a] conv bias=1 {'x' * 82} y=1 -> 3\n[b] conv bias=100 pad=1\n",
        f"[a]      conv     bias=1  {'x' * 82}  y=1  -> 3\n[b]      conv     bias=100  pad=1\n",
    ),
    "a claim on a line of its own": (
        f"[a] conv\n -> 3\n[b] conv\n kernel=3\n -> 3 {'x' * 60}\n",
        f"[a]      conv\n{'':18}-> 3\n[b]      conv\n{'':18}kernel=3\n{'':18}-> 3 {'x' * 60}\n",
    ),
    "comments too long for their column": (
        f"net a # {'x' * 100}\ngpus 2 # two\n",
        f"net     a  # {'x' * 100}\n{'gpus    2':36}# two\n",
    ),
    "windows": ("net a\r\ngpus\t2\r\r\n\r", "net     a\r\ngpus    2\r\n"),
    "old mac": ("net a\rgpus\t2\r\n\n", "net     a\rgpus    2\r"),
    "nothing": (" \n\t\r\n", ""),
    "no line end": ("# only", "# only\n"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_formatting_gives_the_expected_layout(text: str, expected: str) -> None:
    assert layout(text) == expected
    assert layout(expected) == expected


def test_long_statement_continues_under_its_keys() -> None:
    items = [f"key{n}=valueofit{n}" for n in range(10)]
    done = layout(f"[a] conv {' '.join(items)} -> 1x2x3 units=4 weights=5 connections=66 # note\n")
    assert done.splitlines() == [
        f"[a]      conv     {'  '.join(items[:6])}  # note",
        f"{'':18}{'  '.join(items[6:])}",
        f"{'':73}-> 1x2x3 units=4 weights=5 connections=66",
    ]


def test_long_item_is_broken_after_commas() -> None:
    names = [f"inception{n}" for n in range(20)]
    done = layout(f"[a] concat bias=1 inputs={','.join(names)} gpu=0\n").splitlines()
    assert done[0] == "[a]      concat   bias=1"
    assert done[1].startswith(" " * 18 + "inputs=inception0,inception1,")
    assert done[2].startswith(" " * 20 + "inception")
    assert done[-1] == " " * 18 + "gpu=0"
    assert max(map(len, done)) <= 120
    assert "".join(line.strip() for line in done[1:-1]) == f"inputs={','.join(names)}"


def test_connection_table_is_broken_between_rows() -> None:
    table = ",".join(f"{n}+{n + 1}+{n + 2}" for n in range(20))
    done = layout(f"[a] conv table={table.replace(',', ' , ')}\n").splitlines()
    assert max(map(len, done)) <= 120
    assert [line[-1] for line in done] == [",", "1"]
    assert done[0] + done[1].strip() == f"[a]      conv     table={table}"


def test_long_item_starts_on_the_line_of_its_statement_if_it_fits() -> None:
    names = ",".join(["name"] * 30)
    assert layout(f"train inputs={names}\n").startswith("train    inputs=name,name,")
    assert layout(f"[{'n' * 40}] fc inputs={names}\n").startswith(f"[{'n' * 40}] fc\n{'':18}inputs=name,name,")


def test_long_claim_is_broken_at_spaces() -> None:
    claim = " ".join(f"units={n}" for n in range(1000, 1020))
    done = layout(f"[a] fc -> {claim}\n[b] fc -> 3\n").splitlines()
    assert done[0].startswith("[a]      fc       -> units=1000 units=1001 ")
    assert done[1].startswith(" " * 20 + "units=1009 ")
    assert max(map(len, done)) <= 120
    assert " ".join(line.strip() for line in done[:-1]).endswith(f"-> {claim}")
    assert done[-1] == f"{'[b]      fc':73}-> 3"


def test_word_longer_than_a_line_is_not_broken() -> None:
    long = f"{'k' * 60}={'w' * 60}"
    assert layout(f"train a=1 {long} c=2\n").splitlines() == ["train    a=1", f"         {long}", "         c=2"]


@pytest.mark.parametrize("text", ["net a\n[a conv\n", "[a] conv\nkernel=3\n", "  kernel=3\n", "net a: 3\n"])
def test_spec_with_a_syntax_error_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        layout(text)
    assert set(caught.value.diagnostics) == set(parse(Source("a.net", text)).diagnostics)


def test_meaningless_spec_is_formatted() -> None:
    assert layout("[a] nonsense colour=blue\n[a] fc\n") == "[a]      nonsense  colour=blue\n[a]      fc\n"
