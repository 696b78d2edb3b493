"""Translate a network of Caffe to a spec: the pipeline through all modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.nearest import did_you_mean
from netspec.formatting import plural
from netspec.importers.caffe.learning.training import Training, training_of, with_state
from netspec.importers.caffe.net.layers import LOSSES, SINKS, Layer, Network, Top
from netspec.importers.caffe.net.network import differences, read_network
from netspec.importers.caffe.net.types import OF_FORKS, TYPES
from netspec.importers.caffe.schema.messages import MESSAGES
from netspec.importers.caffe.schema.reading import read_record
from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.spec.checks import check_layer
from netspec.importers.caffe.spec.inputs import images_of, labels_of, readers_of
from netspec.importers.caffe.spec.lines import BlobPlace, Draft, Line, Site, Value
from netspec.importers.caffe.spec.types import REASONS, TRANSLATIONS
from netspec.importers.caffe.text_format import Message, read
from netspec.importers.identifiers import identifier, untaken
from netspec.importers.spec import translation
from netspec.importers.spec.activations import with_neurons
from netspec.importers.spec.lines import arrays_of, origins_of
from netspec.importers.spec.problem import NO_LAYER, Inexpressible, Rejected
from netspec.importers.spec.report import Problem, inexpressible, other_outputs, raise_errors
from netspec.importers.spec.text import Head, origin, write_spec
from netspec.ir.settings import ASPECTS
from netspec.ir.shape import Shape
from netspec.language.foreign import foreign_to_caffe
from netspec.source import Source

_OTHER_VERSION = (
    ": take it out of a copy of the file, so that its readers read what it reads, and add what computes the same to "
    "the converted spec; `netspec explain` lists the layers of a spec"
)
"""What to do about a layer of another version of Caffe."""


@dataclass(frozen=True, kw_only=True)
class Translation(translation.Translation):
    """The result of translating a network.

    ``blobs`` maps parameters by key (``conv1.weight``) to the layer and the number of the blob in a ``.caffemodel``
    file, and ``layers`` has the layers of the network by name.
    """

    blobs: Mapping[str, BlobPlace]
    layers: Mapping[str, Layer]


def translate(source: Source, shape: Shape | None = None, solver: Source | None = None) -> Translation:
    """Translate a network. ``shape`` is that of the images, if the file does not state it or it is to be another one.
    ``solver`` is the file that says how it is trained.

    Raises
    ------
    SpecError
        ``caffe-syntax``, ``caffe-field`` or ``caffe-value``: the file is not a network; ``caffe-network``: Caffe
        rejects it; ``caffe-not-expressible``: a list of all that a spec cannot express; ``caffe-input-shape``: the file
        does not state the shape of the images.
    """
    findings = Findings(source)
    message = _read(source)
    if (other := _other_file(message)) is not None:
        raise SpecError((other,))
    record = read_record(message, "NetParameter", findings, TYPES.union(OF_FORKS))
    raise_errors(findings)
    solved = _solver(solver, findings)
    network = read_network(record if solved is None else with_state(record, solved), findings)
    raise_errors(findings)
    draft = Draft(network, labels_of(network), readers_of(network))
    problems = [_problem(layer, reason) for layer, reason in differences(network)]
    training = Training()
    data = _add_input(draft, shape, findings, problems)
    if data is not None:
        training = training_of(network, data, draft.lines[0].shape, solved)
        for reason in training.of_data:
            _add(data, reason, findings, problems)
        draft.bias_decays = training.bias_decays
        draft.decay = 0.0 if solved is None else solved.real("weight_decay")
        problems += _translate_layers(draft, findings)
        findings.extend((*training.substitutes, *draft.substitutes))
    else:
        problems += _without_translation(draft, findings)
    raise_errors(findings)
    reports = [inexpressible("caffe-not-expressible", problems, len(network.layers))] if problems else []
    if reports or training.of_solver:
        raise SpecError((*reports, *_report_of_solver(training.of_solver)))
    return _written(draft, source, findings, training)


def _read(source: Source) -> Message:
    """Read a text. If it is another tool's file, that is its only mistake."""
    try:
        return read(source)
    except SpecError:
        foreign = foreign_to_caffe(source)
        if foreign is None:
            raise
    raise SpecError((foreign,))


def _solver(source: Source | None, findings: Findings) -> Record | None:
    """Read the solver, if there is one. ``findings`` gets its mistakes."""
    if source is None:
        return None
    message = read(source)
    layer = next((field for field in message.fields if field.name in ("layer", "layers")), None)
    if layer is not None:
        findings.add("caffe-network", "this is a network, not a solver", layer.name_span)
        raise_errors(findings)
    record = read_record(message, "SolverParameter", findings)
    raise_errors(findings)
    return record


def _other_file(message: Message) -> Diagnostic | None:
    """Return the diagnostic for a file of Caffe's that is not a network."""
    network, solver = MESSAGES["NetParameter"].fields, MESSAGES["SolverParameter"].fields
    fields = {field.name: field for field in message.fields}
    only = [field for name, field in fields.items() if name in solver and name not in network]
    if not only or any(name in network for name in fields if name not in solver):
        return None
    names = [fields[name].span.text for name in ("net", "train_net") if name in fields]
    note = f"the network is in the file that it names: {names[0]}" if names else "it has no layers"
    return Diagnostic("caffe-network", "this is a solver, not a network", (only[0].name_span,), (note,))


def _add_input(draft: Draft, given: Shape | None, findings: Findings, problems: list[Problem]) -> Layer | None:
    """Add the input line, and return the layer that reads the images; ``None`` if there is none."""
    network = draft.network
    try:
        images = images_of(network, draft.labels, given)
    except Rejected as mistake:
        findings.add("caffe-network", str(mistake), mistake.span)
        return None
    except Inexpressible as reason:
        problems.append(Problem(reason.span or network.layers[0].span, "input", str(reason)))
        return None
    layer = network.layers[images.top.layer]
    if images.shape is None:
        message = f"{layer.name}: the file does not state the shape of the images"
        findings.add("caffe-input-shape", message, layer.span, notes=("--input 3x224x224 states it",))
        return None
    if images.assumed:
        message = f"{layer.name}: it is assumed that {images.assumed}"
        findings.warn("caffe-input-shape", message, layer.span, notes=(f"--input {images.shape} states it",))
    line = draft.new_line("input", [], {}, images.shape, origin=layer)
    draft.values[images.top] = Value(line, images.shape, tuple(images.shape))
    return layer


def _translate_layers(draft: Draft, findings: Findings) -> list[Problem]:
    """Translate all layers in order, and return those that cannot be expressed, with the reason.

    What only follows from another problem is not one.
    """
    problems: list[Problem] = []
    unknown: set[Top] = set()
    for number, layer in enumerate(draft.network.layers):
        site = Site(layer, number, draft)
        if layer.is_source or _only_reported(site):
            continue
        translate_layer = TRANSLATIONS.get(layer.type)
        try:
            if translate_layer is None:
                raise Inexpressible(_no_layer(layer, findings))
            if unknown.isdisjoint(layer.bottoms):
                check_layer(site)
                translate_layer(site)
                continue
        except (Inexpressible, Rejected) as reason:
            _add(layer, reason, findings, problems)
        unknown |= {site.top(place) for place in range(len(layer.tops))} - draft.values.keys()
    return problems


def _without_translation(draft: Draft, findings: Findings) -> Iterator[Problem]:
    """Yield the layers of types that a spec cannot express, for a network whose images are not known."""
    for number, layer in enumerate(draft.network.layers):
        if layer.type not in TRANSLATIONS and not (layer.is_source or _only_reported(Site(layer, number, draft))):
            yield _problem(layer.record, Inexpressible(_no_layer(layer, findings)))


def _only_reported(site: Site) -> bool:
    """Whether a layer computes probabilities or classes that only reports of a training read."""
    tops = {site.top(place) for place in range(len(site.layer.tops))}
    reports = (layer for layer in site.draft.network.layers if layer.type in SINKS)
    unread = not any(top in site.draft.readers for top in tops)
    return site.layer.type in ("Softmax", "ArgMax") and unread and any(tops & {*layer.bottoms} for layer in reports)


def _add(layer: Layer, reason: Inexpressible | Rejected, findings: Findings, problems: list[Problem]) -> None:
    """Record why a layer cannot be translated."""
    if isinstance(reason, Rejected):
        findings.add("caffe-network", f"{layer.name}: {reason}", reason.span, notes=reason.notes)
    else:
        problems.append(_problem(layer.record, reason))


def _no_layer(layer: Layer, findings: Findings) -> str:
    if layer.type in TYPES:
        return REASONS.get(layer.type, NO_LAYER)
    near = findings.nearest(layer.type, sorted(TYPES))
    if near and layer.type.endswith(near):  # ROIPooling is another layer than Pooling
        near = None
    return "BVLC's Caffe has no layers of this type" + (did_you_mean(near) or _OTHER_VERSION)


def _problem(layer: Record, reason: Inexpressible) -> Problem:
    type_ = layer.text("type") or "a layer without a type"
    return Problem(reason.span or layer.place("type", "name"), f"{layer.text('name')} ({type_})", str(reason))


def _report_of_solver(problems: Sequence[Inexpressible]) -> list[Diagnostic]:
    """Return the diagnostic that lists everything in a solver that a spec cannot express."""
    ordered = sorted(problems, key=lambda problem: problem.span.start if problem.span else 0)
    spans = tuple(problem.span for problem in ordered if problem.span)
    message = f"a spec cannot express {plural(len(ordered), 'setting')} of the solver"
    notes = tuple(f"line {span.line}: {problem}" for problem, span in zip(ordered, spans, strict=True))
    return [Diagnostic("caffe-not-expressible", message, spans, notes)] if spans else []


def _written(draft: Draft, source: Source, findings: Findings, training: Training) -> Translation:
    """Write the lines as a spec."""
    network = draft.network
    lines: tuple[Line, ...] = with_neurons(_needed(draft), ()).lines
    names = _names(lines, _input_name(network, lines))
    head = Head(
        [origin(source), *training.comments],
        network.name or PurePath(source.name).stem,
        training.input_keys,
        "caffe",
        training.settings,
    )
    findings.extend(_other_outputs(lines, names))
    return Translation(
        Source(source.name, write_spec(lines, names, head)),
        tuple(findings.all),
        {name: layer.span for name, layer in origins_of(lines, names).items()},
        frozenset(ASPECTS) - training.stated,
        blobs=arrays_of(lines, names),
        layers={layer.name: layer for layer in network.layers},
    )


def _other_outputs(lines: Sequence[Line], names: Sequence[str]) -> Iterator[Diagnostic]:
    """Yield a warning if the network has several outputs. One with losses is trained, not deployed."""
    read = {number for line in lines for number in line.inputs}
    unread = [number for number in range(len(lines)) if number not in read]
    layer = lines[-1].origin
    if len(unread) < 2 or layer is None or any(line.type == "crossentropy" for line in lines):
        return
    yield other_outputs("caffe-outputs", [names[number] for number in unread], layer.span)


def _input_name(network: Network, lines: Sequence[Line]) -> str:
    layer = lines[0].origin
    return layer.tops[0] if layer is not None and layer.tops else "data"


def _needed(draft: Draft) -> list[Line]:
    """Return the lines without those that only lead to layers ``Silence``, which drop what they read."""
    sinks: dict[Top, set[str]] = {}
    for layer in draft.network.layers:
        for bottom in layer.bottoms if layer.type in SINKS else ():
            sinks.setdefault(bottom, set()).add(layer.type)
    ends = (top for top in draft.values if top not in draft.readers and sinks.get(top) != {"Silence"})
    wanted = {value.line for top in ends if (value := draft.values[top]) is not None}
    wanted |= {
        place for place, line in enumerate(draft.lines) if line.origin is not None and line.origin.type in LOSSES
    }
    for place in range(len(draft.lines) - 1, -1, -1):
        if place in wanted:
            wanted.update(draft.lines[place].needs)
    if not wanted - {0}:
        return draft.lines
    numbers = {place: number for number, place in enumerate(sorted({0, *wanted}))}
    lines = [draft.lines[place] for place in numbers]
    for line in lines:
        line.renumber(numbers.__getitem__)
    return lines


def _names(lines: Sequence[Line], input_name: str) -> list[str]:
    """Return a name for each line, all different: that of its layer, or of its top, which may have characters that
    names in a spec do not have. ``input_name`` is that of the images."""
    result: list[str] = []
    taken: set[str] = set()
    for line in lines:
        own = "".join(line.hint) or (line.origin.name if line.origin is not None else "")
        base = identifier(input_name if line.type == "input" else own or line.type)
        name = untaken(f"{base}_{line.type}" if own and base in taken else base, taken, "_" if own else "")
        taken.add(name)
        result.append(name)
    return result
