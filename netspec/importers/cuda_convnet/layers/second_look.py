"""What else is wrong in a section that was given up, or that reads such a one: each key by itself.

A section is given up at its first mistake, and what reads it has no sizes to be checked with. So that all mistakes of a
file are told at once, such a section is read once more as if what it reads were maps of any size, and something stood
wherever a key has none of its values. Of what is found then only that counts which is wrong whatever the sizes are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.layers.kinds import Kind, Site
from netspec.importers.cuda_convnet.layers.model import Dialect, Image, Layer
from netspec.importers.cuda_convnet.layers.neurons import read_neuron
from netspec.importers.cuda_convnet.options import LARGEST, Options, Refused
from netspec.importers.cuda_convnet.reading import Section

_SIDE = 2**12
"""Of the maps that are taken for what is read: larger than any window."""

T = TypeVar("T")


def look_again(
    section: Section, kind: Kind, dialect: Dialect, above: Mapping[str, Layer], known: Callable[[Options], None]
) -> Findings:
    """What is wrong with the keys of a section by themselves, some of which may have been told.

    ``above`` are the layers above it that were accepted; ``known`` warns of the keys that its type does not have.
    """
    findings = Findings(section.span.source)
    options = _Lenient(section, findings)
    with suppress(Refused):
        names = options.words("inputs")
        site = _Anywhere(options, dialect, tuple(_stand_in(name, above, options) for name in names), (), above, (), {})
        if kind.reads(len(names)):
            kind.define(site)
    known(options)
    if not kind.word.startswith("cost.") and kind.word != "neuron":
        with suppress(Refused):
            read_neuron(options, dialect)
    return findings


def _stand_in(name: str, above: Mapping[str, Layer], options: Options) -> Layer:
    """What a section reads, of which only the name is known."""
    there = above.get(name)
    return there if there is not None and there.outputs > 0 else Layer(name, "", (), (), _SIDE, options)


class _Lenient(Options):
    """The keys of a section that is given up: what cannot be read is told, and something stands in for it."""

    def __init__(self, section: Section, findings: Findings) -> None:
        super().__init__(section, findings)
        self.guessed = False
        """Whether something stands in for a key, so that what follows from several keys means nothing."""

    def refuse(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> Refused:
        """Nothing: sizes that are none would be told of."""
        return Refused()

    def misread(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> Refused:
        """Report it, but for a key that may be missing because it has become part of another's value."""
        swallowed = code == "missing-key" and any("\n" in option.text for option in self.section.options.values())
        return Refused() if swallowed else super().refuse(code, message, *keys, notes=notes)

    def warn(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> None:
        """Nothing: what is accepted is told when the section is."""

    def integer(self, key: str, default: int | None = None, low: int = -LARGEST, high: int = LARGEST) -> int:
        return self._or(lambda: super(_Lenient, self).integer(key, default, low, high), default or min(high, _SIDE))

    def real(self, key: str, default: float | None = None, low: float = -LARGEST, high: float = LARGEST) -> float:
        return self._or(lambda: super(_Lenient, self).real(key, default, low, high), default or max(low, 1.0))

    def flag(self, key: str, default: bool | None = None) -> bool:
        return self._or(lambda: super(_Lenient, self).flag(key, default), bool(default))

    def choice(self, key: str, known: Collection[str], default: str | None = None) -> str:
        return self._or(lambda: super(_Lenient, self).choice(key, known, default), next(iter(known)))

    def integers(
        self, key: str, inputs: int, default: int | None, repeat: bool, low: int = -LARGEST, high: int = LARGEST
    ) -> tuple[int, ...]:
        some = (default or min(high, _SIDE),) * inputs
        return self._or(lambda: super(_Lenient, self).integers(key, inputs, default, repeat, low, high), some)

    def reals(self, key: str, inputs: int, default: float | None, repeat: bool) -> tuple[float, ...]:
        return self._or(lambda: super(_Lenient, self).reals(key, inputs, default, repeat), (default or 1.0,) * inputs)

    def flags(self, key: str, inputs: int) -> tuple[bool, ...]:
        return self._or(lambda: super(_Lenient, self).flags(key, inputs), (False,) * inputs)

    def divisible(self, key: str, number: int, by: int, what: str = "") -> None:
        if not self.guessed:
            with suppress(Refused):
                super().divisible(key, number, by, what)

    def _or(self, read: Callable[[], T], some: T) -> T:
        """What is read, or some value where it cannot be."""
        try:
            return read()
        except Refused:
            self.guessed = True
            return some


@dataclass(frozen=True)
class _Anywhere(Site):
    """A section behind layers of which nothing is known."""

    def image(self, index: int, channels: int, multiple_of_4: bool = False) -> Image:
        """Maps of any size, in as many channels as the section says."""
        if multiple_of_4 and channels > 3:
            self.options.divisible("channels", channels, 4)
        return Image(channels, _SIDE)
