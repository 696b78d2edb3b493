"""Emit a net as two files, and check them by reading them again with the importer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netspec.diagnostics import Diagnostic, SpecError, in_order
from netspec.importers.cuda_convnet import Dialect, translate
from netspec.ir.graph import Layer
from netspec.ir.ops import Concat, Flatten, Input, Loss, Reshape, is_identity
from netspec.ir.shape import Shape
from netspec.net import Net
from netspec.source import Source

from .costs import add_cost, add_default_cost
from .joined import join_sums
from .learning import command_line, refuse_rules, warn_of_omissions
from .ops import EMITTED, UNSUPPORTED, main
from .problems import Inexpressible, Problems
from .sections import FIRST_LINE, Part, Section, Value, text_of
from .site import Draft, Site
from .update_period import replicas

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """The text of a layer file and of its parameter file, with warnings about what they leave out."""

    layers: str
    params: str
    dialect: Dialect
    warnings: tuple[Diagnostic, ...]


def emit(net: Net, dialect: Dialect | None = None) -> LayerFiles:
    """Return the files of a net in the given dialect, or else in that of 2012 if possible and in version 2 if not.

    Raises
    ------
    SpecError
        The dialect cannot express something in the net (``not-in-cfg``).
    """
    if dialect is not None:
        return _emit_dialect(net, dialect)
    try:
        return _emit_dialect(net, "2012")
    except SpecError as error:
        try:
            return _emit_dialect(net, "v2")
        except SpecError:
            raise error from None


def _emit_dialect(net: Net, dialect: Dialect) -> LayerFiles:
    problems = Problems(net.source)
    graph = join_sums(net.graph)
    draft = Draft(graph, dialect, problems, replicas(graph))
    refuse_rules(graph, problems)
    warn_of_omissions(graph, problems, old=draft.old)
    for layer in graph.layers.values():
        _add_layer(draft, layer)
    if not graph.losses and not problems.has_errors:
        add_default_cost(draft)
    if not problems.has_errors:
        files = _format_files(net, draft)
        _check_with_importer(net, draft, files)
    if problems.has_errors:
        raise SpecError(in_order(problems.all))
    return replace(files, warnings=in_order(problems.all))


def _add_layer(draft: Draft, layer: Layer) -> None:
    """Add the sections of a layer. Skip it if it reads a layer that could not be emitted."""
    if any(name not in draft.values for name in layer.inputs):
        return
    op = draft.graph.nodes[layer.nodes[0]].op
    try:
        if isinstance(op, Input):
            _add_data(draft, layer)
        elif isinstance(op, Flatten | Reshape) and len(layer.nodes) == 1:
            draft.values[layer.name] = _reshaped(draft, layer)
        elif len(layer.nodes) == 1 and _is_pass_through(draft, layer):
            draft.values[layer.name] = draft.values[layer.inputs[0]]
        elif isinstance(op, Loss):
            add_cost(draft, layer)
        else:
            _add_sections(draft, layer)
    except Inexpressible:
        return


def _add_data(draft: Draft, layer: Layer) -> None:
    name = draft.name(layer.name)
    section = Section(name, layer.name, {"type": "data", "dataIdx": "0"})
    draft.values[layer.name] = Value((draft.add(section, layer.output, ()),))


def _reshaped(draft: Draft, layer: Layer) -> Value:
    """Return the input's sections with a new shape. The files need no section, since readers state the shape."""
    source = draft.values[layer.inputs[0]]
    if len(source.parts) == 1:
        return Value((replace(source.parts[0], shape=layer.output),), layer.placement.split)
    if layer.output.is_image:
        part = Site(draft, layer, layer.name).single()
        return Value((replace(part, shape=layer.output),))
    return Value(tuple(replace(part, shape=Shape(part.shape.units)) for part in source.parts), layer.placement.split)


def _is_pass_through(draft: Draft, layer: Layer) -> bool:
    """Whether a layer is the identity and on the same GPUs as its input, so that its readers can read the input.

    A concatenation of one value counts as a section of its own in these files.
    """
    node = draft.graph.nodes[layer.nodes[0]]
    if isinstance(node.op, Concat) or not is_identity(node.op, draft.graph.shapes(node)):
        return False
    source = draft.graph.layers[layer.inputs[0]]
    return source.placement == layer.placement or draft.graph.groups == 1


def _add_sections(draft: Draft, layer: Layer) -> None:
    """Add the section of a layer, or its sections, one per GPU."""
    split = layer.placement.split
    if layer.placement.replicas and draft.old:
        message = "only version 2 of cuda-convnet has replicas"
        draft.problems.add_error(layer.name, message, "gpu", instead=("--dialect v2",))
    parts: list[Part] = []
    for member in range(draft.graph.groups) if split else (None,):
        name = draft.name(layer.name if member is None else f"{layer.name}{_suffix(member)}")
        site = Site(draft, layer, name, member)
        parts.append(_add_section(site))
    draft.values[layer.name] = Value(tuple(parts), split)


def _add_section(site: Site) -> Part:
    """Add a section and return what its readers see.

    A section that cannot be expressed has been reported; readers get a placeholder, so that they are checked too.
    """
    op = main(site)
    try:
        if type(op) in UNSUPPORTED:
            reason, instead = UNSUPPORTED[type(op)]
            raise site.error(reason, instead=instead)
        return site.draft.add(EMITTED[type(op)](site, op), site.shape, site.gpu)
    except Inexpressible:
        return Part(site.name, site.shape, site.gpu)


def _suffix(member: int) -> str:
    """Return ``a`` for GPU 0 and so on, as in the files of 2012."""
    return _LETTERS[member] if member < len(_LETTERS) else f"-{member}"


def _format_files(net: Net, draft: Draft) -> LayerFiles:
    version = "of 2012" if draft.old else "version 2"
    header = [FIRST_LINE.removeprefix("# "), f"The net {net.name}, for cuda-convnet {version}."]
    data = f"The shape of its data, for netspec import: --input {net.graph.input.output}"
    layers = text_of(((s.name, s.keys) for s in draft.sections), [*header, data])
    params = text_of(((s.name, s.params) for s in draft.sections if s.params), [*header, *command_line(net.graph)])
    return LayerFiles(layers, params, draft.dialect, ())


def _check_with_importer(net: Net, draft: Draft, files: LayerFiles) -> None:
    """Read the files with the importer, and report its errors, which cuda-convnet would raise, at the spec's lines."""
    layers, params = Source("layers.cfg", files.layers), Source("layer-params.cfg", files.params)
    try:
        translate(layers, params=params, dialect=files.dialect, shape=net.graph.input.output)
    except SpecError as error:
        refused = error.diagnostics
    else:
        return
    owners = {section.name: section.layer for section in draft.sections}
    for diagnostic in refused:
        # cfg-not-expressible concerns what the DSL lacks, not what cuda-convnet would reject.
        if diagnostic.severity == "error" and diagnostic.code != "cfg-not-expressible":
            layer = owners.get(diagnostic.layer, net.graph.output.layer)
            message = diagnostic.message.removeprefix(f"{diagnostic.layer}: ")
            draft.problems.add_error(layer, f"cuda-convnet refuses it: {message}", *_KEYS, notes=diagnostic.notes)


_KEYS = ("filters", "outputs", "kernel", "groups", "size")
"""The keys to point at: most of cuda-convnet's checks are about these."""
