"""Find the remaining errors of a section that was rejected, or that reads a rejected layer.

Reading a section stops at its first error, and the sections that read it cannot be checked because its size is unknown.
To report all errors of a file at once, such a section is read again, with inputs of an arbitrary size and placeholders
for invalid values. Only errors that do not depend on these sizes and placeholders are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.layers.kinds import Context, Kind
from netspec.importers.cuda_convnet.layers.model import Dialect, Image, Layer, is_cost
from netspec.importers.cuda_convnet.layers.neurons import read_neuron
from netspec.importers.cuda_convnet.lenient import Lenient
from netspec.importers.cuda_convnet.options import PLACEHOLDER, Options, SectionError
from netspec.importers.cuda_convnet.reading import Section


def remaining_errors(
    section: Section,
    kind: Kind,
    dialect: Dialect,
    above: Mapping[str, Layer],
    warn_unknown_keys: Callable[[Options], None],
) -> Findings:
    """Return the errors in a section's keys that do not depend on sizes, including those reported already.

    ``above`` are the accepted layers above it. ``warn_unknown_keys`` warns about keys that its type does not have.
    """
    findings = Findings(section.span.source)
    options = Lenient(section, findings, sized=False)
    with suppress(SectionError):
        names = options.words("inputs")
        inputs = tuple(_stand_in(name, above, options) for name in names)
        context = _UnknownSizes(kind.word, options, dialect, inputs, (), above, (), {})
        if kind.accepts_inputs(len(names)):
            kind.define(context)
    warn_unknown_keys(options)
    if not is_cost(kind.word) and kind.word != "neuron":
        with suppress(SectionError):
            read_neuron(options, dialect)
    return findings


def _stand_in(name: str, above: Mapping[str, Layer], options: Options) -> Layer:
    """Return the layer above with this name, or one of an arbitrary size if it was not accepted."""
    layer = above.get(name)
    return layer if layer is not None and layer.outputs > 0 else Layer(name, "", (), (), PLACEHOLDER, options)


@dataclass(frozen=True)
class _UnknownSizes(Context):
    """A section whose inputs may have any size."""

    def image(self, index: int, channels: int, *, multiple_of_4: bool = False) -> Image:
        """Return an image of placeholder size with the given number of channels."""
        if multiple_of_4 and channels > 3:
            self.options.require_divisible("channels", channels, 4)
        return Image(channels, PLACEHOLDER)
