"""What else is wrong in a section that was given up, or that reads such a one: each key by itself.

A section is given up at its first mistake, and what reads it has no sizes to be checked with. So that all mistakes of a
file are told at once, such a section is read once more as if what it reads were maps of any size, and something stood
wherever a key has none of its values. Of what is found then only that counts which is wrong whatever the sizes are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.layers.kinds import Kind, Site
from netspec.importers.cuda_convnet.layers.model import Dialect, Image, Layer
from netspec.importers.cuda_convnet.layers.neurons import read_neuron
from netspec.importers.cuda_convnet.lenient import LARGE, Lenient
from netspec.importers.cuda_convnet.options import Options, Refused
from netspec.importers.cuda_convnet.reading import Section


def look_again(
    section: Section, kind: Kind, dialect: Dialect, above: Mapping[str, Layer], known: Callable[[Options], None]
) -> Findings:
    """What is wrong with the keys of a section by themselves, some of which may have been told.

    ``above`` are the layers above it that were accepted; ``known`` warns of the keys that its type does not have.
    """
    findings = Findings(section.span.source)
    options = Lenient(section, findings, sized=False)
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
    return there if there is not None and there.outputs > 0 else Layer(name, "", (), (), LARGE, options)


@dataclass(frozen=True)
class _Anywhere(Site):
    """A section behind layers of which nothing is known."""

    def image(self, index: int, channels: int, multiple_of_4: bool = False) -> Image:
        """Maps of any size, in as many channels as the section says."""
        if multiple_of_4 and channels > 3:
            self.options.divisible("channels", channels, 4)
        return Image(channels, LARGE)
