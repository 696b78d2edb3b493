"""The grammar, and the trees that Lark makes by it."""

from __future__ import annotations

import functools
from pathlib import Path

from lark import Lark, Token, Tree


@functools.cache
def _lark() -> Lark:
    grammar = Path(__file__).parent.with_name("netspec.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False, start=["statement", "body"])


def statement_tree(text: str) -> Tree[Token]:
    """The parse tree of a whole statement. Raises ``lark.UnexpectedInput``."""
    return _lark().parse(text, start="statement")


def body_tree(text: str) -> Tree[Token]:
    """The parse tree of what stands behind a layer's name. Raises ``lark.UnexpectedInput``."""
    return _lark().parse(text, start="body")
