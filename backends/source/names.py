"""The names of variables and of the model class in the program."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from .learning import COMPUTED_NAMES

TEMPLATES = Path(__file__).parent / "templates"

_DEFINITION = re.compile(r"^(?:(?:def|class) |(?:from|import) (?:.* )?)(\w+)|^([A-Z_]+) = ", re.MULTILINE)
"""A module-level definition in a template, with its name."""

LOCALS = frozenset({"self", "x", "image", "labels"})


@cache
def global_names() -> frozenset[str]:
    """Return the names that programs may define at module level."""
    texts = (path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.j2"))
    defined = {name for text in texts for names in _DEFINITION.findall(text) for name in names if name}
    return COMPUTED_NAMES | defined


class Names:
    """Hands out unique identifiers that are neither keywords, builtins nor other names of the program."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*global_names(), *LOCALS, *dir(builtins), *keyword.kwlist, *taken}

    def new(self, base: str) -> str:
        """Return ``base``, converted to an identifier, with underscores appended until the name is free."""
        name = re.sub(r"\W", "_", base, flags=re.ASCII)
        if not name or name[0].isdigit():
            name = f"_{name}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def class_name(net: str) -> str:
    """Return the class name of a net: ``AlexNet`` for ``alexnet``, ``AlexNetTanh`` for ``alexnet-tanh``."""
    words = re.split(r"[^A-Za-z0-9]+", net)
    name = "".join(_capital(word) for word in words if word) or "Net"
    return Names().new(f"Net{name}" if name[0].isdigit() else name)


def _capital(word: str) -> str:
    if word.islower() and word.endswith("net") and len(word) > 3:
        return f"{word[:-3].capitalize()}Net"
    return word[0].upper() + word[1:]
