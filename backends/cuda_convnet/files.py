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

from .costs import add_cost, usual_cost
from .joined import joined
from .learning import command_line, not_held
from .ops import EMITTED, REFUSED, main
from .passes import replicas
from .problems import Inexpressible, Problems
from .sections import FIRST_LINE, Part, Section, Value, text_of
from .site import Draft, Site

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
        return _emitted(net, dialect)
    try:
        return _emitted(net, "2012")
    except SpecError as error:
        try:
            return _emitted(net, "v2")
        except SpecError:
            raise error from None


def _emitted(net: Net, dialect: Dialect) -> LayerFiles:
    problems = Problems(net.source)
    graph = joined(net.graph)
    draft = Draft(graph, dialect, problems, replicas(graph))
    not_held(graph, problems, old=draft.old)
    for layer in graph.layers.values():
        _add(draft, layer)
    if not graph.losses and not problems.errors:
        usual_cost(draft)
    if not problems.errors:
        made = _written(net, draft)
        _read_again(net, draft, made)
    if problems.errors:
        raise SpecError(in_order(problems.all))
    return replace(made, warnings=in_order(problems.all))


def _add(draft: Draft, layer: Layer) -> None:
    """Add the sections of a layer. Skip it if it reads a layer that could not be emitted."""
    if any(name not in draft.values for name in layer.inputs):
        return
    op = draft.graph.nodes[layer.nodes[0]].op
    try:
        if isinstance(op, Input):
            _data(draft, layer)
        elif isinstance(op, Flatten | Reshape) and len(layer.nodes) == 1:
            draft.values[layer.name] = _laid_out_anew(draft, layer)
        elif len(layer.nodes) == 1 and _left_as_it_is(draft, layer):
            draft.values[layer.name] = draft.values[layer.inputs[0]]
        elif isinstance(op, Loss):
            add_cost(draft, layer)
        else:
            _sections(draft, layer)
    except Inexpressible:
        return


def _data(draft: Draft, layer: Layer) -> None:
    name = draft.name(layer.name)
    section = Section(name, layer.name, {"type": "data", "dataIdx": "0"})
    draft.values[layer.name] = Value((draft.add(section, layer.output, ()),))


def _laid_out_anew(draft: Draft, layer: Layer) -> Value:
    """Return the input's sections with a new shape. The files need no section, since readers state the shape."""
    read = draft.values[layer.inputs[0]]
    if len(read.parts) == 1:
        return Value((replace(read.parts[0], shape=layer.output),), layer.placement.split)
    if layer.output.is_image:
        part = Site(draft, layer, layer.name).one()
        return Value((replace(part, shape=layer.output),))
    return Value(tuple(replace(part, shape=Shape(part.shape.units)) for part in read.parts), layer.placement.split)


def _left_as_it_is(draft: Draft, layer: Layer) -> bool:
    """Whether a layer is the identity and on the same GPUs as its input, so that its readers can read the input.

    A concatenation of one value counts as a section of its own in these files.
    """
    node = draft.graph.nodes[layer.nodes[0]]
    if isinstance(node.op, Concat) or not is_identity(node.op, draft.graph.shapes(node)):
        return False
    read = draft.graph.layers[layer.inputs[0]]
    return read.placement == layer.placement or draft.graph.groups == 1


def _sections(draft: Draft, layer: Layer) -> None:
    """Add the section of a layer, or its sections, one per GPU."""
    split = layer.placement.split
    if layer.placement.replicas and draft.old:
        message = "replicas are of version 2 of cuda-convnet"
        draft.problems.cannot_say(layer.name, message, "gpu", instead=("--dialect v2",))
    parts: list[Part] = []
    for member in range(draft.graph.groups) if split else (None,):
        name = draft.name(layer.name if member is None else f"{layer.name}{_suffix(member)}")
        site = Site(draft, layer, name, member)
        parts.append(_section(site))
    draft.values[layer.name] = Value(tuple(parts), split)


def _section(site: Site) -> Part:
    """Add a section and return what its readers see.

    A section that cannot be expressed has been reported; readers get a placeholder, so that they are checked too.
    """
    op = type(main(site).op)
    try:
        if op in REFUSED:
            why, instead = REFUSED[op]
            raise site.cannot_say(why, instead=instead)
        return site.draft.add(EMITTED[op](site), site.shape, site.gpu)
    except Inexpressible:
        return Part(site.name, site.shape, site.gpu)


def _suffix(member: int) -> str:
    """Return ``a`` for GPU 0 and so on, as in the files of 2012."""
    return _LETTERS[member] if member < len(_LETTERS) else f"-{member}"


def _written(net: Net, draft: Draft) -> LayerFiles:
    version = "of 2012" if draft.old else "version 2"
    about = [FIRST_LINE.removeprefix("# "), f"The net {net.name}, for cuda-convnet {version}."]
    data = f"Its data have the shape that netspec is told by --input {net.graph.input.output}"
    layers = text_of(((s.name, s.keys) for s in draft.sections), [*about, data])
    params = text_of(((s.name, s.params) for s in draft.sections if s.params), [*about, *command_line(net.graph)])
    return LayerFiles(layers, params, draft.dialect, ())


def _read_again(net: Net, draft: Draft, made: LayerFiles) -> None:
    """Read the files with the importer, and report its errors, which cuda-convnet would raise, at the spec's lines."""
    layers, params = Source("layers.cfg", made.layers), Source("layer-params.cfg", made.params)
    read = translate(layers, params=params, dialect=made.dialect, shape=net.graph.input.output)
    owners = {section.name: section.layer for section in draft.sections}
    for found in read.diagnostics:
        # cfg-not-expressible concerns what the DSL lacks, not what cuda-convnet would reject.
        if found.severity == "error" and found.code != "cfg-not-expressible":
            layer = owners.get(found.layer, net.graph.output.layer)
            message = found.message.removeprefix(f"{found.layer}: ")
            draft.problems.cannot_say(layer, f"cuda-convnet refuses it: {message}", *_KEYS, notes=found.notes)


_KEYS = ("filters", "outputs", "kernel", "groups", "size")
"""The keys to point at: most of cuda-convnet's checks are about these."""
