"""Translate a graph of operators to a spec: the pipeline through all modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.model import first_line_span
from netspec.formatting import listed, plural
from netspec.importers.operators.graph import dropouts, functions, normalisations, rearrangements, reductions
from netspec.importers.operators.graph.model import Model, Node
from netspec.importers.operators.graph.patterns import recognised
from netspec.importers.operators.spec.lines import Arrays, Draft, Line, Site, described
from netspec.importers.operators.spec.naming import has_name, of_input
from netspec.importers.operators.spec.naming import names as names_of
from netspec.importers.operators.spec.operators import COUNTS, EXACT, OPERATORS, REASONS, WHOLE
from netspec.importers.operators.spec.views import N, Value, image
from netspec.importers.spec import translation
from netspec.importers.spec.activations import with_neurons
from netspec.importers.spec.lines import arrays_of, origins_of
from netspec.importers.spec.problem import NO_LAYER, Inexpressible
from netspec.importers.spec.text import Head, origin, write_spec
from netspec.ir.settings import ASPECTS, Aspect
from netspec.ir.shape import Shape
from netspec.source import Source

MAX_LISTED = 3
"""The most nodes of an operator that the report names."""

_PATTERNS = (
    *functions.PATTERNS,
    *normalisations.PATTERNS,
    *dropouts.PATTERNS,
    *rearrangements.PATTERNS,
    *reductions.PATTERNS,
)


@dataclass(frozen=True, kw_only=True)
class Translation(translation.Translation):
    """The result of translating a model.

    ``arrays`` has the parameters and running statistics by key (``conv1.weight``), as functions that return the values
    in netspec's layout. ``nodes`` maps layers to the nodes that they come from.
    """

    arrays: Arrays
    nodes: Mapping[str, str]

    def placed(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return a diagnostic of the resulting spec, whose lines are those that ``netspec import`` writes."""
        node = self.nodes.get(diagnostic.layer)
        origin = "the line is that of the imported spec" + (f", for the model's {node}" if node else "")
        return replace(diagnostic, notes=(*diagnostic.notes, origin), fixes=(), rejected=())


@dataclass(frozen=True, slots=True)
class Origin:
    """What a spec says about where its graph is from.

    ``written`` follows the name of the source in the first comment, and ``comments`` follow that comment.
    ``input_keys`` are those of the input line. ``codes`` are those of the diagnostics: for operators that a spec cannot
    express, and for several outputs. ``settings`` are the keys of the lines ``train`` and ``augment``. ``layers`` is
    the number of layers, if the graph is of layers, which messages name in place of operators.
    """

    codes: tuple[str, str]
    written: str = ""
    input_keys: Mapping[str, str] = field(default_factory=dict)
    comments: tuple[str, ...] = ()
    unstated: frozenset[Aspect] = frozenset(ASPECTS)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layers: int = 0


def translate(model: Model, source: Source, about: Origin) -> Translation:
    """Translate a graph, with groups of operators recognised first. ``source`` has the name of what it is from.

    Raises ``SpecError`` with the first of the codes in ``about``: a list of all that a spec cannot express.
    """
    model = recognised(model, _PATTERNS)
    draft = Draft(model)
    draft.values[model.input] = _input(draft)
    problems = [*_translate_nodes(draft)] or [*_unusual_outputs(draft)]
    if problems:
        raise SpecError((_report(problems, len(model.nodes), source, about),))
    comments, outputs = _finish(draft)
    merged = with_neurons(draft.lines, outputs)
    lines = _with_output_last(merged.lines, merged.numbers[outputs[0]])
    for line in lines:
        if line.origin is not None and "weight" in line.arrays:
            line.keys |= line.origin.attributes.get("learning", {})
    names = names_of(lines)
    notes = [origin(source, about.written), *about.comments, *comments]
    head = Head(notes, PurePath(source.name).stem, about.input_keys, settings=about.settings)
    names_of_outputs = [names[lines.index(merged.lines[merged.numbers[n]])] for n in outputs]
    return Translation(
        Source(source.name, write_spec(lines, names, head)),
        tuple(_other_outputs(model, source, names_of_outputs, about.codes[1])),
        unstated=about.unstated,
        arrays=arrays_of(lines, names),
        nodes={name: _called(node) for name, node in origins_of(lines, names).items()},
    )


def _input(draft: Draft) -> Value:
    """Add the input line and return its value, viewed as the model has it."""
    model = draft.model
    sizes = model.shapes[model.input]
    channels_last = model.channels_last
    if len(sizes) == 2:
        shape = Shape(sizes[1])
    elif len(sizes) == 3:
        shape = Shape(1, *sizes[1:])
    else:
        shape = Shape(sizes[3], sizes[1], sizes[2]) if channels_last else Shape(*sizes[1:])
    line = draft.new_line("input", [], {}, shape, hint=of_input(model.input))
    value = image(line, shape, sizes[0])
    if len(sizes) == 3:
        return replace(value, axes=(value.axes[0], *value.axes[2:]))
    return value.transposed((0, 2, 3, 1)) if channels_last else value


def _translate_nodes(draft: Draft) -> Iterator[tuple[Node, str]]:
    """Translate all nodes in order, and yield those that cannot be expressed, with the reason.

    What only follows from another problem is not one.
    """
    values = draft.values
    for node in draft.model.nodes:
        translate_node = OPERATORS.get(node.op)
        unknown = any(name in values and values[name] is None for name in node.inputs)
        if translate_node is None:
            yield node, node.reason or REASONS.get(node.op, NO_LAYER)
        elif node.op not in EXACT and not draft.model.whole.isdisjoint(node.inputs):
            yield node, WHOLE
        elif not draft.model.counts.isdisjoint(node.inputs):
            yield node, COUNTS
        elif not unknown:
            try:
                translate_node(Site(node, draft))
            except Inexpressible as reason:
                yield node, str(reason)
        for name in filter(None, node.outputs):  # an output without a name is one that nothing reads
            values.setdefault(name, None)


def _unusual_outputs(draft: Draft) -> Iterator[tuple[Node, str]]:
    """Yield nodes with an output of the model that is not an image or a vector of the spec, with the reason."""
    for name in draft.model.outputs:
        value = draft.values[name]
        node = draft.model.producers.get(name)
        if node is None:
            continue
        if value is None:
            yield node, f"its further output {name} has no counterpart"
        elif not value.is_vector and (value.axes[:1] != ((N,),) or any(len(group) > 1 for group in value.axes)):
            yield node, f"the model returns {name} with the axes {described(value)}; a spec returns images or vectors"


def _report(problems: Sequence[tuple[Node, str]], count: int, source: Source, about: Origin) -> Diagnostic:
    """Return the diagnostic that lists everything that a spec cannot express, an operator and reason a line."""
    groups: dict[tuple[str, str], list[str]] = {}
    for node, reason in problems:
        where = node.name or node.place or f"the one that computes {node.outputs[0]}"
        groups.setdefault((node.operator, reason), []).append(where)
    notes = [
        f"{op}{f', {len(nodes)} times' if len(nodes) > 1 else ''} ({listed(nodes, MAX_LISTED)}): {reason}"
        for (op, reason), nodes in groups.items()
    ]
    wrong, whole = len(problems), plural(count, "operator")
    if about.layers:
        wrong, whole = len({node.module for node, _ in problems}), plural(about.layers, "layer")
    return Diagnostic(
        about.codes[0],
        f"a spec cannot express {wrong} of the model's {whole}",
        (first_line_span(source),),
        tuple(notes),
    )


def _finish(draft: Draft) -> tuple[list[str], list[int]]:
    """Return comments on the axes of input and outputs, and the lines of the outputs, the first one first.

    An output that the model flattens becomes a line ``flatten``, and one that other layers read a line ``linear``.
    """
    model, comments, outputs = draft.model, [], []
    if model.channels_last:
        comments.append("The model reads images as height x width x channels.")
    for name in model.outputs:
        value = draft.values[name]
        assert value is not None
        if value.shape.is_image and value.is_vector:
            outputs.append(draft.flattened(value.line))
            continue
        outputs.append(value.line)
        usual = value.image_axes if value.shape.is_image else ((N,), value.single("C"))
        if value.axes != usual:
            comments.append(f"The model returns {name} with the axes {described(value)}.")
    read = {number for line in draft.lines for number in line.inputs}
    if outputs[0] in read:
        outputs[0] = draft.new_line("linear", [outputs[0]], {}, draft.lines[outputs[0]].shape)
    for name, number in zip(model.outputs, outputs, strict=True):
        if name in model.titles and not has_name(draft.lines[number]):
            draft.lines[number].hint = (model.titles[name],)
    return comments, outputs


def _with_output_last(lines: Sequence[Line], output: int) -> tuple[Line, ...]:
    """Move the line with the output to the end. No line reads it."""
    if output == len(lines) - 1:
        return tuple(lines)

    def moved(number: int) -> int:
        return len(lines) - 1 if number == output else number - (number > output)

    for line in lines:
        line.renumber(moved)
    return (*lines[:output], *lines[output + 1 :], lines[output])


def _other_outputs(model: Model, source: Source, names: Sequence[str], code: str) -> Iterator[Diagnostic]:
    """Yield a warning if the model has several outputs."""
    if len(names) > 1:
        message = f"the model has {len(names)} outputs; a spec has one, here {names[0]}"
        titles = [model.titles.get(output, output) for output in model.outputs]
        others = [f"{title} is the layer {name}" for title, name in zip(titles, names, strict=True)]
        note = f"the others are layers that no layer need read: {listed(others[1:], 12)}"
        yield Diagnostic(code, message, (first_line_span(source),), (note,), severity="warning")


def _called(node: Node) -> str:
    return f"{node.operator} {node.name}" if node.name else f"{node.operator} for {node.outputs[0]}"
