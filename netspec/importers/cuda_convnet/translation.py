"""The way of a layer file through the modules, from text to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic
from netspec.importers.cuda_convnet.layers.data_shape import assumed, likely_shape, noted_shape
from netspec.importers.cuda_convnet.layers.definition import define
from netspec.importers.cuda_convnet.layers.dialect import dialect_of
from netspec.importers.cuda_convnet.layers.model import Definition, Dialect
from netspec.importers.cuda_convnet.learning.model import Learning
from netspec.importers.cuda_convnet.learning.norms import without_parameters
from netspec.importers.cuda_convnet.learning.params import look_through, read_params
from netspec.importers.cuda_convnet.options import LARGEST, Refused
from netspec.importers.cuda_convnet.reading import Config, read
from netspec.importers.cuda_convnet.spec.comments import with_comments
from netspec.importers.cuda_convnet.spec.lines import Line
from netspec.importers.cuda_convnet.spec.lowering import lines_of
from netspec.importers.cuda_convnet.spec.text import Layout, written
from netspec.importers.cuda_convnet.spec.twins import Merged
from netspec.importers.cuda_convnet.spec.twins import merged as join
from netspec.ir.shape import Shape
from netspec.language.foreign import foreign
from netspec.source import Source, Span
from netspec.units import plural

MOST_NAMED = 5
"""How many layers of which one thing is said are named."""


@dataclass(frozen=True)
class Translation:
    """A layer file as a spec.

    ``source`` is the spec's text, ``None`` where the file is wrong; ``diagnostics`` what is to be said of the file, and
    ``places`` where in it each of the spec's layers stands. ``definition`` is the file as the original understood it;
    ``names`` are those of the spec's layers by the file's, ``twins`` which layers have become one.
    """

    source: Source | None
    diagnostics: tuple[Diagnostic, ...]
    definition: Definition
    places: Mapping[str, Span] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    twins: Merged = field(default_factory=lambda: Merged((), {}, {}))

    def placed(self, found: Diagnostic) -> Diagnostic:
        """A diagnostic of the spec that was written, told at the place in the layer file that it comes from."""
        place = self.places.get(found.layer)
        if place is None:
            place = next(iter(self.places.values()))
        return replace(found, spans=(place,), fixes=(), rejected=(), labels=())


def translate(
    source: Source,
    *,
    params: Source | None = None,
    dialect: Dialect | None = None,
    shape: Shape | None = None,
    merged: bool = False,
    readable: bool = False,
    history: bool = False,
) -> Translation:
    """Translate a layer file.

    Parameters
    ----------
    params:
        The parameter file. Without it rates are a spec's own and normalisations those of 2012.
    dialect:
        The version of cuda-convnet; without it, told by the file's content.
    shape:
        Of the data, which no layer file holds; without it the usual ones are tried, and a warning says which was taken.
    merged:
        Twins on several GPUs become one layer of a net with groups; else every layer stands for itself.
    readable:
        For people: laid out, with comments kept and ``default`` lines.
    history:
        With the learning that the first run of the parameter file's notes began with, not that which the file holds.
    """
    findings = Findings(source)
    config = read(source, findings)
    other = None if any("type" in section.options for section in config.sections.values()) else foreign(source)
    if other is not None:
        return Translation(None, (other,), Definition(dialect or "2012", {}, 0))
    params_config = read(params, findings) if params is not None else None
    version = dialect or dialect_of(config, params_config)
    if _wrong(findings):
        return Translation(None, _told(findings), Definition(version, {}, 0))
    told = shape or noted_shape(config, version)
    taken = told or likely_shape(config, version)
    definition = define(config, version, taken.units, findings)
    if told is None and definition.layers:
        assumed(taken, definition, findings)
    learning = _learning(params_config, definition, findings, history=history)
    if _wrong(findings):
        return Translation(None, _told(findings), definition)
    try:
        lines = lines_of(definition, learning, taken).all
    except Refused:
        return Translation(None, _told(findings), definition)
    gpus = max((max(line.gpu) + 1 for line in lines if line.gpu), default=0)
    twins = join(lines, gpus, _heavy(lines, definition, gpus)) if merged else Merged(tuple(lines), {}, {})
    said, head, tail = with_comments(twins, config, params_config) if readable else (list(twins.lines), [], [])
    if merged and gpus < 2:
        said, gpus = [replace(line, gpu=()) for line in said], 0
    layout = Layout(_name(source), gpus, taken, learning.train, learning.augment, head, tail, learning.usual, readable)
    result = written(said, layout)
    places = {result.names[line.name]: definition.layers[line.origin].options.section.span for line in said}
    made = Source(source.name, result.text)
    return Translation(made, _told(findings), definition, places, result.names, twins)


def _learning(params: Config | None, definition: Definition, findings: Findings, *, history: bool) -> Learning:
    """How the layers learn. Where the layer file is wrong, the parameter file is only looked through for mistakes."""
    if _wrong(findings):
        if params is not None:
            look_through(params, definition, findings)
        return Learning()
    if params is None:
        return Learning(norms=without_parameters(definition.layers.values()))
    return read_params(params, definition, findings, history=history)


def _name(source: Source) -> str:
    """What the net is called: as its file, or ``net`` where it is none's, ``<stdin>``."""
    return "net" if source.name.startswith("<") else PurePath(source.name).stem


def _heavy(lines: Sequence[Line], definition: Definition, gpus: int) -> set[str]:
    """The lines that have more weights, together with their twins, than one layer of a spec may have."""
    heavy = {
        name
        for name, layer in definition.layers.items()
        if gpus * sum(rows * columns for rows, columns in layer.weights) > LARGEST
    }
    return {line.name for line in lines if line.origin in heavy}


def _told(findings: Findings) -> tuple[Diagnostic, ...]:
    """The findings, with warnings that are said of several layers of one file said of the first of them."""
    first: dict[tuple[str, str, str], int] = {}
    others: dict[int, list[str]] = {}
    kept: list[Diagnostic] = []
    for found in findings.all:
        said = found.code, found.message.removeprefix(f"{found.layer}: "), found.span.source.name
        if found.severity == "error" or not found.layer or said not in first:
            first[said] = len(kept)
            kept.append(found)
        else:
            others.setdefault(first[said], []).append(found.layer)
    for place, names in others.items():
        shown = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
        note = f"so it is in {plural(len(names), 'other section')}: {shown}"
        kept[place] = replace(kept[place], notes=(*kept[place].notes, note))
    return tuple(kept)


def _wrong(findings: Findings) -> bool:
    return any(d.severity == "error" for d in findings.all)
