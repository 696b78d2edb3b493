"""A Pygments lexer that highlights specs in documentation, consoles and ``pygmentize``.

Pygments finds it by the entry point ``pygments.lexers``. Its words are taken from the definitions of the language.
"""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer, bygroups, default, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from netspec import layers
from netspec.language.words import NAME
from netspec.setting_keys import SETTINGS

_END = r"(?![A-Za-z0-9_]|-(?!>))"
_NUMBER_END = r"(?![A-Za-z0-9_.+]|-(?!>))"


def value_words() -> tuple[str, ...]:
    """Return all words that are values of some key, such as ``relu``, ``all``, ``exact``."""
    owners = (*(layer_type.keys for layer_type in layers.all_types()), *(setting.keys for setting in SETTINGS.values()))
    return tuple(sorted({word for keys in owners for key in keys for word in key.kind.words}))


class NetspecLexer(RegexLexer):  # type: ignore[misc]  # Pygments publishes no types
    """Lexer for netspec's specs."""

    name = "netspec"
    aliases: ClassVar = ["netspec", "net"]
    filenames: ClassVar = ["*.net"]

    tokens: ClassVar = {
        "root": [
            (r"[ \t\f\r\n]+", Whitespace),
            (r"#[^\r\n]*", Comment.Single),
            (rf"(\[)(\s*)({NAME})(\s*)(\])", bygroups(Punctuation, Whitespace, Name.Class, Whitespace, Punctuation),
             "type"),
            (rf"^default{_END}", Keyword, "type"),
            (words((*SETTINGS, "drop"), prefix="^", suffix=_END), Keyword),
            (r"->", Operator),
            (r"[A-Za-z0-9_./\\-]+\.(?:net|cfg)(?![A-Za-z0-9_./\\-])", String),
            (rf"[0-9]+(?:x[0-9]+)+{_NUMBER_END}", Number),
            (rf"[0-9]+(?:\+[0-9]+)+{_NUMBER_END}", Number),
            (rf"[0-9]+(?:\.[0-9]+)?[KMG]{_NUMBER_END}", Number),
            (rf"[+-]?[0-9]+{_NUMBER_END}", Number.Integer),
            (rf"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?{_NUMBER_END}", Number.Float),
            (rf"({NAME})(\s*)(=)", bygroups(Name.Attribute, Whitespace, Operator)),
            (rf"({NAME})(\s*)(?=\()", bygroups(Name.Function, Whitespace)),
            (words(value_words(), suffix=_END), Keyword.Constant),
            (NAME, Name),
            (r"[,()]", Punctuation),
        ],
        "type": [
            (r"[ \t\f]+", Whitespace),
            (words(layers.names(), suffix=rf"{_END}(?!\s*=)"), Keyword.Type, "#pop"),
            default("#pop"),
        ],
    }  # fmt: skip
