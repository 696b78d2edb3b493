"""Pieces of Python text: numbers, calls, and foreign text that must stay a comment."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Sequence


def call(function: str, *arguments: str, **options: str | None) -> str:
    """``f(x, stride=2)``; an option that is ``None`` is left out."""
    named = (f"{name}={value}" for name, value in options.items() if value is not None)
    return f"{function}({', '.join((*arguments, *named))})"


def pair(numbers: tuple[int, int]) -> str:
    """``3`` for (3, 3), ``(3, 5)`` otherwise."""
    return str(numbers[0]) if numbers[0] == numbers[1] else str(tuple(numbers))


def pair_unless(numbers: tuple[int, int], default: int) -> str | None:
    """The pair as an option that is left out where it is the default."""
    return None if numbers == (default, default) else pair(numbers)


def operand(expression: str) -> str:
    """The expression, in parentheses if an operator or an attribute beside it would take it apart."""
    depth, alone = 0, not expression.startswith("-")
    for character in expression:
        depth += (character in "([{") - (character in ")]}")
        alone = alone and (depth > 0 or character != " ")  # blanks stand around operators, and inside brackets
    return expression if alone else f"({expression})"


def added(terms: Sequence[str]) -> str:
    """``a + b``, or ``sum([a, b, ...])`` of more terms than one reads, or Python's parser takes, one by one."""
    return " + ".join(terms) if len(terms) <= 20 else f"sum([{', '.join(terms)}])"


def number(value: float) -> str:
    """A literal of the number, also where it is not finite, which ``repr`` has no literal for."""
    return repr(value) if math.isfinite(value) else call("float", string(repr(value)))


def string(text: str) -> str:
    """A string literal in double quotes."""
    inner = ascii(text)[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def printable(text: str) -> str:
    """The text with everything escaped that does not show as itself: control characters, direction marks."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def comment(text: str) -> str:
    """Foreign text, line by line behind ``#``."""
    lines = (printable(line.expandtabs(8)).rstrip() for line in text.strip().splitlines())
    return "\n".join(f"# {line}".rstrip() for line in lines)


def inside_docstring(text: str) -> str:
    """Foreign text in one line that cannot end the docstring that it stands in."""
    return printable(text).replace("\\", "\\\\").replace('"', "'")


def is_plain_identifier(name: str) -> bool:
    """Whether ``self.NAME`` means the attribute of that name: it is no keyword, and no class's private name."""
    private = name.startswith("__") and not name.endswith("__")
    return name.isidentifier() and not keyword.iskeyword(name) and not private


def lines(*blocks: Iterable[str]) -> list[str]:
    """Blocks of lines with a blank line between two."""
    result: list[str] = []
    for block in blocks:
        result += ["", *block] if result else list(block)
    return result


def packed(items: Iterable[str], width: int = 100) -> list[str]:
    """Items side by side in as few lines as there can be, of so many characters unless one item has more."""
    result: list[str] = []
    for item in items:
        if result and len(result[-1]) + 1 + len(item) <= width:
            result[-1] += f" {item}"
        else:
            result.append(item)
    return result
