"""Highlighting: the Pygments lexer, and the TextMate grammar of the VS Code extension."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from places import ROOT, SPECS
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, _TokenType

from netspec import layers, setting_keys
from netspec.pygments_lexer import NetspecLexer, value_words

VSCODE = ROOT / "editors" / "vscode"
GRAMMAR = json.loads((VSCODE / "syntaxes" / "netspec.tmLanguage.json").read_text("utf-8"))
SETTINGS = {*setting_keys.SETTINGS, "drop"}


def tokens(text: str) -> list[tuple[_TokenType, str]]:
    """Return a text's tokens without white space."""
    return [(sort, word) for _, sort, word in NetspecLexer().get_tokens_unprocessed(text) if word.strip()]


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.net")), ids=lambda path: path.stem)
def test_shipped_specs_have_no_error_tokens(path: Path) -> None:
    text = path.read_text("utf-8")
    lexed = list(NetspecLexer().get_tokens_unprocessed(text))
    assert "".join(word for _, _, word in lexed) == text
    assert [word for _, sort, word in lexed if sort is Error] == []


def test_words_have_their_token_types() -> None:
    assert tokens("[conv-1] conv neuron=relu init=gaussian(0.01) inputs=a,b # c") == [
        (Punctuation, "["),
        (Name.Class, "conv-1"),
        (Punctuation, "]"),
        (Keyword.Type, "conv"),
        (Name.Attribute, "neuron"),
        (Operator, "="),
        (Keyword.Constant, "relu"),
        (Name.Attribute, "init"),
        (Operator, "="),
        (Name.Function, "gaussian"),
        (Punctuation, "("),
        (Number.Float, "0.01"),
        (Punctuation, ")"),
        (Name.Attribute, "inputs"),
        (Operator, "="),
        (Name, "a"),
        (Punctuation, ","),
        (Name, "b"),
        (Comment.Single, "# c"),
    ]


@pytest.mark.parametrize("word", layers.names())
def test_layer_types_are_types_after_a_name(word: str) -> None:
    assert (Keyword.Type, word) in tokens(f"[a] {word} b=1")
    assert (Keyword.Type, word) in tokens(f"default {word} b=1")
    assert (Keyword.Type, word) not in tokens(f"[a] {word}=1")


@pytest.mark.parametrize("word", sorted(SETTINGS))
def test_settings_are_keywords_at_the_start_of_a_line(word: str) -> None:
    assert tokens(f"# a\n{word} b")[1] == (Keyword, word)
    assert (Keyword, word) not in tokens(f"x {word}")


def test_values_are_constants() -> None:
    assert {"relu", "exact", "all", "plateau", "gaussian", "none", "bgr"} <= set(value_words())
    assert (Keyword.Constant, "relu") in tokens("[a] conv neuron=relu")


def test_invalid_character_is_an_error() -> None:
    assert (Error, "{") in tokens("[a] conv {")


def test_pygments_finds_the_lexer() -> None:
    lexers = [get_lexer_by_name("netspec"), get_lexer_by_name("net"), get_lexer_for_filename("alexnet.net")]
    assert {type(lexer) for lexer in lexers} == {NetspecLexer}


def patterns(node: Any) -> Iterator[str]:
    """Yield every regular expression of a grammar."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key in ("match", "begin", "end"))
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from patterns(inner)


def rule(name: str) -> re.Pattern[str]:
    """Return the regular expression of a rule; those of the grammar mean the same in Python as in the editor."""
    return re.compile(GRAMMAR["repository"][name]["match"], re.MULTILINE)


def test_grammar_expressions_compile_and_are_used() -> None:
    assert len([re.compile(pattern) for pattern in patterns(GRAMMAR)]) == len(GRAMMAR["repository"])
    assert [p["include"].removeprefix("#") for p in GRAMMAR["patterns"]] == list(GRAMMAR["repository"])


def alternatives(name: str) -> list[list[str]]:
    """Return the alternations of plain words in a rule, such as ``(net|train|test)``, as lists."""
    return [match.split("|") for match in re.findall(r"\((\w+(?:\|\w+)+)\)", GRAMMAR["repository"][name]["match"])]


def test_grammar_lists_all_layer_types_and_settings() -> None:
    assert alternatives("layer") == alternatives("default") == [list(layers.names())]
    assert [set(words) for words in alternatives("setting")] == [SETTINGS]


@pytest.mark.parametrize("word", layers.names())
def test_grammar_matches_whole_type_names(word: str) -> None:
    match = rule("layer").match(f"[conv1]  {word}  a=1")
    assert match and match[4] == word
    variant = rule("layer").match(f"[conv1]  {word}=1")
    assert variant and variant[4] is None


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.net")), ids=lambda path: path.stem)
def test_grammar_covers_the_shipped_specs(path: Path) -> None:
    order = re.compile("|".join(f"(?:{GRAMMAR['repository'][p['include'][1:]]['match']})" for p in GRAMMAR["patterns"]))
    for line in path.read_text("utf-8").splitlines():
        assert re.sub(r"[\s,()]", "", order.sub("", line)) == ""


def test_files_named_by_the_extension_exist() -> None:
    package = json.loads((VSCODE / "package.json").read_text("utf-8"))
    contributed = package["contributes"]
    named = [package["main"], contributed["languages"][0]["configuration"], contributed["grammars"][0]["path"]]
    assert all((VSCODE / name).is_file() for name in named)
    assert contributed["grammars"][0]["scopeName"] == GRAMMAR["scopeName"]
    configuration = json.loads((VSCODE / "language-configuration.json").read_text("utf-8"))
    assert re.findall(configuration["wordPattern"], "conv-1 3x5 a->b 1e-4") == ["conv-1", "3x5", "a", "b", "1e-4"]


def test_numbers_and_arrows_have_their_token_types() -> None:
    assert tokens("a=1 ->3x5 61.0M -1.5 b->2") == [
        (Name.Attribute, "a"),
        (Operator, "="),
        (Number.Integer, "1"),
        (Operator, "->"),
        (Number, "3x5"),
        (Number, "61.0M"),
        (Number.Float, "-1.5"),
        (Name, "b"),
        (Operator, "->"),
        (Number.Integer, "2"),
    ]
