"""Translate a layer file to a spec: the pipeline through all modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic, SpecError, in_order
from netspec.formatting import plural
from netspec.importers.cuda_convnet.layers.data_shape import likely_shape, noted_shape, warn_of_assumed_shape
from netspec.importers.cuda_convnet.layers.definition import define
from netspec.importers.cuda_convnet.layers.dialect import dialect_of
from netspec.importers.cuda_convnet.layers.model import Definition, Dialect
from netspec.importers.cuda_convnet.learning.model import Learning
from netspec.importers.cuda_convnet.learning.norms import norms_of_layer_file
from netspec.importers.cuda_convnet.learning.params import check_params, read_params
from netspec.importers.cuda_convnet.options import MAX_NUMBER, SectionError
from netspec.importers.cuda_convnet.reading import Config, read
from netspec.importers.cuda_convnet.spec.comments import with_comments
from netspec.importers.cuda_convnet.spec.lines import Line
from netspec.importers.cuda_convnet.spec.lowering import lines_of
from netspec.importers.cuda_convnet.spec.text import Layout, write_spec
from netspec.importers.cuda_convnet.spec.twins import Merged, merge_twins
from netspec.importers.spec import translation
from netspec.ir.shape import Shape
from netspec.language.foreign import foreign_to_layer_files
from netspec.source import Source

MAX_LISTED = 5
"""The most layers that one warning names."""


@dataclass(frozen=True, kw_only=True)
class Translation(translation.Translation):
    """The result of translating a layer file.

    ``definition`` has the layers as the original program understood them. ``names`` maps names in the layer file to
    names in the spec, and ``twins`` says which layers were merged.
    """

    definition: Definition
    names: Mapping[str, str]
    twins: Merged


def translate(
    source: Source,
    *,
    params: Source | None = None,
    dialect: Dialect | None = None,
    shape: Shape | None = None,
    merged: bool = False,
    history: bool = False,
) -> Translation:
    """Translate a layer file.

    Parameters
    ----------
    params:
        The parameter file. Without it, learning rates are the spec's defaults, and normalisations use the values that
        were usual in 2012.
    dialect:
        The version of cuda-convnet. By default, it is inferred from the file's content.
    shape:
        The shape of the data, which layer files do not contain. By default, the usual shapes are tried, and a warning
        reports the one that is assumed.
    merged:
        Whether layers that are spread over several GPUs are merged into one layer of a net with GPU groups.
    history:
        Whether to use the learning settings at the beginning of the first run in the parameter file's notes, instead of
        the settings in the file, which are often those at the end of a run.

    Raises
    ------
    SpecError
        The files have errors, or a spec cannot express them. With the errors are the warnings.
    """
    findings = Findings(source)
    config = read(source, findings)
    params_config = read(params, findings) if params is not None else None
    foreign_file = _foreign_file(config, params_config)
    if foreign_file is not None:
        raise SpecError((foreign_file,))
    version = dialect or dialect_of(config, params_config)
    _raise_errors(findings)
    known_shape = shape or noted_shape(config, version)
    data_shape = known_shape or likely_shape(config, version)
    definition = define(config, version, data_shape.units, findings)
    if known_shape is None and definition.layers:
        warn_of_assumed_shape(data_shape, definition, findings)
    learning = _learning(params_config, definition, findings, history=history)
    _raise_errors(findings)
    try:
        lines = lines_of(definition, learning, data_shape).all
    except SectionError:
        raise SpecError(in_order(_combined(findings))) from None
    gpus, twins = _merge(lines, definition) if merged else (_gpus(lines), Merged(tuple(lines), {}, {}))
    commented = with_comments(twins, config, params_config)
    layout = Layout(
        name=_name(source), gpus=gpus, shape=data_shape, train=learning.train, augment=learning.augment,
        head=commented.head, tail=commented.tail, usual=learning.usual,
    )  # fmt: skip
    result = write_spec(commented.lines, layout)
    spans = {result.names[line.name]: definition.layers[line.origin].options.section.span for line in twins.lines}
    spec = Source(source.name, result.text)
    return Translation(spec, _combined(findings), spans, definition=definition, names=result.names, twins=twins)


def _foreign_file(config: Config, params: Config | None) -> Diagnostic | None:
    """Return the diagnostic for a layer file, or a parameter file, that is another tool's file."""
    with_types = ["type" in section.options for section in config.sections.values()]
    found = None if with_types and all(with_types) else foreign_to_layer_files(config.source, has_types=any(with_types))
    if found is None and params is not None and not params.sections:
        found = foreign_to_layer_files(params.source, has_types=False)
    return found


def _learning(params: Config | None, definition: Definition, findings: Findings, *, history: bool) -> Learning:
    """Return how the layers learn. If the layer file has errors, the parameter file is only checked for errors."""
    if findings.has_errors():
        if params is not None:
            check_params(params, definition, findings)
        return Learning()
    if params is None:
        return Learning(parameters=norms_of_layer_file(definition.layers.values()))
    return read_params(params, definition, findings, history=history)


def _name(source: Source) -> str:
    """Return the name of the net: that of its file, or ``net`` if it is read from ``<stdin>``."""
    return "net" if source.name.startswith("<") else PurePath(source.name).stem


def _gpus(lines: Iterable[Line]) -> int:
    """Return the number of GPUs that the lines are on."""
    return max((max(line.gpu) + 1 for line in lines if line.gpu), default=0)


def _merge(lines: Sequence[Line], definition: Definition) -> tuple[int, Merged]:
    """Merge twins, and return the number of GPU groups, which is 0 for a file for a single GPU.

    Layers that would then have more weights than a layer of a spec may have are not merged.
    """
    gpus = _gpus(lines)
    if gpus < 2:
        return 0, Merged(tuple(replace(line, gpu=()) for line in lines), {}, {})
    heavy = {
        name
        for name, layer in definition.layers.items()
        if gpus * sum(rows * columns for rows, columns in layer.weights) > MAX_NUMBER
    }
    return gpus, merge_twins(lines, gpus, {line.name for line in lines if line.origin in heavy})


def _raise_errors(findings: Findings) -> None:
    """Raise ``SpecError`` with all findings, in the order of their places, if there is an error among them."""
    if findings.has_errors():
        raise SpecError(in_order(_combined(findings)))


def _combined(findings: Findings) -> tuple[Diagnostic, ...]:
    """Return the findings, with equal ones about several layers of a file combined into the first of them."""
    result: list[Diagnostic] = []
    index_of: dict[tuple[str, str, tuple[str, ...], str], int] = {}
    other_layers: dict[int, list[str]] = {}
    for diagnostic in findings.all:
        message = diagnostic.message.removeprefix(f"{diagnostic.layer}: ")
        key = diagnostic.code, message, diagnostic.notes, diagnostic.span.source.name
        if not diagnostic.layer or key not in index_of:
            index_of[key] = len(result)
            result.append(diagnostic)
        else:
            other_layers.setdefault(index_of[key], []).append(diagnostic.layer)
    for index, names in other_layers.items():
        named = ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "")
        note = f"the same in {plural(len(names), 'other section')}: {named}"
        result[index] = replace(result[index], notes=(*result[index].notes, note))
    return tuple(result)
