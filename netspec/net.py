"""A loaded spec: the text, the checked graph, and every layer's numbers by name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.check import Checked, check
from netspec.diagnostics import Diagnostic, SpecError, in_order
from netspec.diagnostics.nearest import nearest
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.language.bases import Folder
from netspec.language.variants import gather
from netspec.language.written import written_out
from netspec.opening import beside, is_layer_file, read_named
from netspec.source import Source
from netspec.stats import LayerNumbers, Totals, layer_numbers, totals
from netspec.units import count, plural

if TYPE_CHECKING:
    from netspec.importers.cuda_convnet import Dialect


@dataclass(frozen=True, repr=False)
class Net:
    """A network that has passed the checker.

    ``net["conv1"].output`` is ``Shape(96, 55, 55)``; ``net.total.connections`` the multiply-accumulates of one image's
    forward pass. ``warnings`` are the checker's.
    """

    source: Source
    graph: Graph
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def name(self) -> str:
        return self.graph.name

    @cached_property
    def layers(self) -> dict[str, LayerNumbers]:
        """Every layer's numbers by name, in file order."""
        return {numbers.name: numbers for numbers in layer_numbers(self.graph)}

    def __getitem__(self, name: str) -> LayerNumbers:
        if name not in self.layers:
            near = nearest(name, self.layers)
            raise KeyError(f"{self.name} has no layer {name!r}" + (f"; did you mean {near!r}?" if near else ""))
        return self.layers[name]

    def __repr__(self) -> str:
        total = self.total
        counts = f"{count(total.parameters)} parameters, {count(total.connections)} connections"
        return f"<Net {self.name}: {plural(len(self.layers), 'layer')}, {counts}>"

    @cached_property
    def total(self) -> Totals:
        """The sums over all layers."""
        return totals(self.layers.values())


def load(
    path: str | os.PathLike[str],
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    params: str | os.PathLike[str] | None = None,
    *,
    history: bool = False,
) -> Net:
    """Load and check a spec, or a layer file of cuda-convnet (``.cfg``), of which ``params`` is the parameter file;
    with ``history`` it learns as the notes in that file say that its run began. ``changes`` are keys given other
    values, ``conv1.stride=2``.

    Raises
    ------
    SpecError
        The file is no good spec; ``.diagnostics`` says why.
    CannotOpen
        The file cannot be opened.
    ValueError
        There are ``params`` and no layer file, or ``history`` and no ``params``.
    """
    source = read_named(path)
    if params is not None and not is_layer_file(source):
        raise ValueError(f"{source.name} is no layer file (.cfg) that params={os.fspath(params)!r} belongs to")
    if history and params is None:
        raise ValueError("history=True reads the notes of a parameter file, and there is none: params=")
    foreign = Foreign(read_named(params), history=history) if params is not None else Foreign()
    return load_source(source, input_shape, changes, folder=Path(path).parent, foreign=foreign)


def loads(text: str, name: str = "<text>", input_shape: Shape | None = None) -> Net:
    """Load and check a spec that is given as text. Raises ``SpecError``."""
    return load_source(Source(name, text.removeprefix("\ufeff")), input_shape)


@dataclass(frozen=True, slots=True)
class Foreign:
    """How a layer file of cuda-convnet is read: with a parameter file, as a version (``None``: by its content), with
    twins on several GPUs as one layer (``merged``) or as they stand, and with the rates that the parameter file holds
    or those that, by its notes, its run began with (``history``)."""

    params: Source | None = None
    dialect: Dialect | None = None
    merged: bool = False
    history: bool = False


def load_source(
    source: Source,
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    folder: Path | None = None,
    foreign: Foreign | None = None,
) -> Net:
    """Check a source, with fixes for what is wrong. Raises ``SpecError``.

    ``folder`` is where a variant finds the file that it starts from; ``foreign`` says how a layer file is read.
    """
    if is_layer_file(source):
        return _load_layer_file(source, input_shape, changes, foreign or Foreign())

    checked = check(gather(source, beside(folder), changes), input_shape)
    found = checked.diagnostics
    if found:
        from netspec.solve import solved  # only where there is something to say

        found = solved(checked, input_shape)
    if checked.graph is None:
        raise SpecError(found)
    return Net(_whole_text(checked), checked.graph, found)


def import_layer_file(source: Source, input_shape: Shape | None = None, foreign: Foreign | None = None) -> Net:
    """A layer file of cuda-convnet as a spec for people, whose text is the net's ``source``. Raises ``SpecError``."""
    return _load_layer_file(source, input_shape, (), foreign or Foreign(merged=True), readable=True)


def _load_layer_file(
    source: Source, input_shape: Shape | None, changes: Sequence[str], foreign: Foreign, *, readable: bool = False
) -> Net:
    from netspec.importers.cuda_convnet import translate  # only where there is such a file

    made = translate(
        source,
        params=foreign.params,
        dialect=foreign.dialect,
        shape=input_shape,
        merged=foreign.merged,
        readable=readable,
        history=foreign.history,
    )
    if made.source is None:
        raise SpecError(in_order(made.diagnostics))
    checked = check(gather(made.source, Folder(), changes))
    # What no layer of a spec reads may have been read by a cost that is left out, or that a spec needs not to say.
    said = [
        made.placed(d) if d.span.source is made.source else d for d in checked.diagnostics if d.code != "unread-layer"
    ]
    found = in_order((*made.diagnostics, *said))
    if checked.graph is None:
        raise SpecError(found)
    return Net(_whole_text(checked), checked.graph, found)


def _whole_text(checked: Checked) -> Source:
    """The spec as one file: what was read, or, of a variant, what it comes to."""
    texts = checked.texts
    if not texts.bases and not texts.changes:
        return texts.root
    from netspec.language.formatter import formatted  # only variants are written anew

    name = texts.root.name
    return Source(name, formatted(Source(name, written_out(checked.file))))
