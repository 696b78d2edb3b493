"""Parsing of sections, keys and comments, by the rules of the original's parser."""

from __future__ import annotations

import pytest

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.reading import MAX_SECTIONS, Config, read
from netspec.source import Source


def parsed(text: str) -> tuple[Config, Findings]:
    source = Source("a.cfg", text)
    findings = Findings(source)
    return read(source, findings), findings


def values(text: str) -> dict[str, dict[str, str]]:
    config, findings = parsed(text)
    assert not [d for d in findings.all if d.severity == "error"]
    return {name: {k: o.text for k, o in s.options.items()} for name, s in config.sections.items()}


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("InitW=0.01", {"initw": "0.01"}),
        ("gpu : 1", {"gpu": "1"}),
        ("a = b=c", {"a": "b=c"}),
        ("a=1 ; said", {"a": "1"}),
        ("a=1;2", {"a": "1;2"}),
        ("a=1 # 2", {"a": "1 # 2"}),
        ('a=""', {"a": ""}),
        ("a=", {"a": ""}),
        ("a=1\n 2\n\t# 3", {"a": "1\n2\n# 3"}),
        ("a=1\n# said\n; said\nrem said\nRem\nb=2", {"a": "1", "b": "2"}),
        ("remark=1", {"remark": "1"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=%%(b)s", {"a": "%(b)s"}),
        ("b=3\na=x%(B)sy", {"b": "3", "a": "x3y"}),
    ],
)
def test_keys_and_values_are_parsed(line: str, options: dict[str, str]) -> None:
    assert values(f"[x]\n{line}\n") == {"x": options}


def test_repeated_sections_are_merged_and_names_are_free_text() -> None:
    assert values("[a-1.b c] rest\nx=1\r\n[B]\r[a-1.b c]\ny=2") == {"a-1.b c": {"x": "1", "y": "2"}, "B": {}}


def test_default_section_applies_to_all_others() -> None:
    assert values("[DEFAULT]\nx=1\n[a]\n[b]\nx=2") == {"a": {"x": "1"}, "b": {"x": "2"}}


def test_spans_cover_keys_and_values() -> None:
    config, _ = parsed("# said\n[a]\nkey =  value ; said\n")
    option = config.sections["a"].options["key"]
    assert (option.span.line, option.span.column, option.span.text, option.key_span.text) == (3, 8, "value", "key")


def test_comments_belong_to_their_section_or_the_next() -> None:
    config, _ = parsed("# one\n[a]\n;two\nx=1\n#three\n[b]\ny=1\n#right below\n\n#apart\n\n[c]\n# four")
    comments = [(comment.text.strip(), comment.section) for comment in config.comments]
    assert comments[:3] == [("one", "a"), ("two", "a"), ("three", "b")]
    assert comments[3:] == [("right below", "b"), ("apart", "c"), ("four", None)]


@pytest.mark.parametrize(
    ("text", "line"),
    [("ano[a]\nx=1\n[b]\n", 1), ("[a]\nnothing\n", 2), ("[a]\n =1\n", 2), ("\x00\x01\x02", 1)],
)
def test_syntax_error_is_reported_once_at_its_line(text: str, line: int) -> None:
    _, findings = parsed(text)
    assert [(d.code, d.span.line) for d in findings.all] == [("cfg-syntax", line)]


def test_file_of_indented_keys_gives_one_error() -> None:
    _, findings = parsed("[a]\n  x=1\n  y=2\n[b]\n\tz=3\n[c]\n x=1\n")
    (found,) = findings.all
    assert (found.code, found.span.line) == ("cfg-syntax", 2)
    assert "which begin without a space" in found.notes[0]
    assert found.notes[1:] == ("the same for 3 other lines below a section's name",)


def test_section_name_is_interpolated() -> None:
    config, _ = parsed("[a]\nx=%(__NAME__)s 1\n[b]\nx=%(__name__)s\n")
    assert [config.sections[name].options["x"].text for name in "ab"] == ["a 1", "b"]


def test_doubled_percent_sign_is_a_percent_sign() -> None:
    config, _ = parsed("[a]\nx=%%(y)s\ny=1\nz=%(x)s%%\n")
    assert {key: option.text for key, option in config.sections["a"].options.items()} == {
        "x": "%(y)s",
        "y": "1",
        "z": "%(y)s%",
    }


@pytest.mark.parametrize("last", ["x", ""])
def test_nested_interpolation_is_limited_in_size(last: str) -> None:
    lines = [f"a{i}=" + f"%(a{i + 1})s" * 9 for i in range(9)]
    config, _ = parsed("[a]\n" + "\n".join(lines) + f"\na9={last}\n")
    options = config.sections["a"].options.values()
    assert any(o.invalid_percent for o in options) == bool(last)
    assert max(len(o.text) for o in options) < 1e6


def test_too_many_sections_are_an_error() -> None:
    _, findings = parsed("".join(f"[a{i}]\n" for i in range(MAX_SECTIONS + 9)))
    assert [d.code for d in findings.all] == ["too-large-file"]


def test_overridden_values_are_reported_once() -> None:
    config, findings = parsed("[a]\nx=1\nY = 2\nz=3\n[b]\nx=1\n[a]\nX=4\ny=5\nz=3\nx=6\n")
    assert {key: option.text for key, option in config.sections["a"].options.items()} == {"x": "6", "y": "5", "z": "3"}
    (warning,) = findings.all
    assert (warning.severity, warning.code, warning.span.line, warning.span.text) == (
        "warning",
        "cfg-ignored-key",
        2,
        "1",
    )
    assert warning.message == "a: x is given twice, and the last counts"
    assert warning.notes == ("the same for 1 other key: [a] Y",)


def test_repeating_the_same_value_gives_no_warning() -> None:
    _, findings = parsed("[a]\nx=1,\n  2\ny=2\n" * 3)
    assert findings.all == []


def test_overridden_values_are_reported_along_with_errors() -> None:
    _, findings = parsed("[a]\nx=1\nx=2\nnothing\n")
    assert [d.code for d in findings.all] == ["cfg-syntax", "cfg-ignored-key"]


def test_text_after_a_section_header_is_ignored_with_a_warning() -> None:
    config, findings = parsed("[a]x=1\n[b] # fine\n[c] ; fine\ny=1\n[d] y=2\n")
    assert [*config.sections] == ["a", "b", "c", "d"] and not config.sections["a"].options
    assert [(d.code, d.span.line, d.span.text) for d in findings.all] == [("cfg-ignored-key", 1, "x=1")]
