"""Format pieces of Python code: literals, calls, and foreign text inside comments and docstrings."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Sequence

from netspec.formatting import printable

MAX_LINE = 100
"""The most characters of a line that ``fill_lines`` fills."""


def call(function: str, *arguments: str, **options: str | None) -> str:
    """Return ``f(x, stride=2)``. Options that are ``None`` are left out."""
    named = (f"{name}={value}" for name, value in options.items() if value is not None)
    return f"{function}({', '.join((*arguments, *named))})"


def pair(numbers: tuple[int, int]) -> str:
    """Return ``3`` for (3, 3), and ``(3, 5)`` for (3, 5)."""
    return str(numbers[0]) if numbers[0] == numbers[1] else str(tuple(numbers))


def pair_unless(numbers: tuple[int, int], default: int) -> str | None:
    """Return the pair, or ``None`` if both numbers are the default."""
    return None if numbers == (default, default) else pair(numbers)


def operand(expression: str) -> str:
    """Return the expression, in parentheses if it needs them beside an operator or before a dot."""
    depth, is_atom = 0, not expression.startswith("-")
    for character in expression:
        depth += (character in "([{") - (character in ")]}")
        is_atom = is_atom and (depth > 0 or character != " ")  # outside brackets, spaces only surround operators
    return expression if is_atom else f"({expression})"


def sum_of(terms: Sequence[str]) -> str:
    """Return ``a + b``, or ``sum([a, b, ...])`` of many terms, which is easier to read and for Python's parser."""
    return " + ".join(terms) if len(terms) <= 20 else f"sum([{', '.join(terms)}])"


def product_of(factors: Sequence[str]) -> str:
    """Return ``a * b``, or ``math.prod([a, b, ...])`` of many factors."""
    return " * ".join(factors) if len(factors) <= 20 else f"math.prod([{', '.join(factors)}])"


def number(value: float) -> str:
    """Return an expression for the number: a literal, or ``float("inf")`` and the like if it is not finite."""
    return repr(value) if math.isfinite(value) else call("float", string(repr(value)))


def string(text: str) -> str:
    """Return a string literal in double quotes."""
    inner = ascii(text)[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def comment(text: str) -> str:
    """Return foreign text as comment lines."""
    lines = (printable(line.expandtabs(8)).rstrip() for line in text.strip().splitlines())
    return "\n".join(f"# {line}".rstrip() for line in lines)


def inside_docstring(text: str) -> str:
    """Return foreign text in one line that cannot end a surrounding docstring."""
    return printable(text).replace("\\", "\\\\").replace('"', "'")


def is_plain_identifier(name: str) -> bool:
    """Whether ``self.NAME`` accesses an attribute of that name: not for keywords and mangled private names."""
    private = name.startswith("__") and not name.endswith("__")
    return name.isidentifier() and not keyword.iskeyword(name) and not private


def fill_lines(items: Iterable[str]) -> list[str]:
    """Fill lines of at most ``MAX_LINE`` characters (unless one item is longer) with items, separated by spaces."""
    result: list[str] = []
    for item in items:
        if result and len(result[-1]) + 1 + len(item) <= MAX_LINE:
            result[-1] += f" {item}"
        else:
            result.append(item)
    return result
