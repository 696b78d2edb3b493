"""Translate a network of Darknet to a spec: the pipeline through all modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic, SpecError
from netspec.formatting import plural
from netspec.importers.darknet import ends, joins, spatial, weighted
from netspec.importers.darknet.options import ABSENT, DETECTION, NET, OPTIONS, check_sections, check_zero, left_out
from netspec.importers.darknet.sections import Section, read_sections
from netspec.importers.darknet.site import Draft, FollowsError, Line, Piece, Site, Value
from netspec.importers.darknet.training import Training, images_of, training_of
from netspec.importers.identifiers import untaken
from netspec.importers.spec import translation
from netspec.importers.spec.activations import with_neurons
from netspec.importers.spec.lines import arrays_of, origins_of
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.importers.spec.report import Problem, inexpressible, other_outputs, raise_errors
from netspec.importers.spec.text import Head, origin, write_spec
from netspec.ir.settings import ASPECTS, Aspect
from netspec.ir.shape import Shape
from netspec.language.foreign import foreign_to_darknet
from netspec.source import Source

_TRANSLATIONS: Mapping[str, Callable[[Site], Value]] = {
    "convolutional": weighted.convolutional,
    "deconvolutional": weighted.deconvolutional,
    "connected": weighted.connected,
    "local": weighted.local,
    "batchnorm": weighted.batchnorm,
    "maxpool": spatial.pooling("maxpool"),
    "local_avgpool": spatial.pooling("avgpool"),
    "avgpool": spatial.avgpool,
    "upsample": spatial.upsample,
    "reorg": spatial.reorg,
    "route": joins.route,
    "shortcut": joins.shortcut,
    "scale_channels": joins.product,
    "sam": joins.product,
    "activation": ends.activation,
    "logistic": ends.logistic,
    "dropout": ends.dropout,
    "softmax": ends.softmax,
    "cost": ends.cost,
    "empty": lambda site: site.x,
    "crop": ends.crop,
    **dict.fromkeys(DETECTION, ends.left_out("which finds boxes in the maps that it reads")),
    **dict.fromkeys(("iseg", "contrastive"), ends.left_out("whose loss a spec does not have")),
}


@dataclass(frozen=True, kw_only=True)
class Translation(translation.Translation):
    """The result of translating a network.

    ``arrays`` maps parameters by key (``conv0.weight``) to their numbers in ``pieces``, the parts of a ``.weights``
    file.
    """

    arrays: Mapping[str, int]
    pieces: Sequence[Piece]


def translate(source: Source, shape: Shape | None = None) -> Translation:
    """Translate a network. ``shape`` is that of its input, if it is to be another one.

    Raises
    ------
    SpecError
        ``darknet-network`` or ``darknet-option``: the file is not a network, or has what Darknet ignores;
        ``darknet-not-expressible``: a list of all that a spec cannot express.
    """
    findings = Findings(source)
    sections = read_sections(source, findings)
    if findings.has_errors() and (foreign := foreign_to_darknet(source)) is not None:
        raise SpecError((foreign,))
    raise_errors(findings)
    check_sections(sections, findings)
    raise_errors(findings)
    net, *layers = sections
    crop = layers[0] if layers[0].word == "crop" else None
    draft, training = Draft(), Training()
    try:
        images = images_of(net, crop, shape)
        finds_boxes = any(layer.word in DETECTION for layer in layers)
        training = Training() if finds_boxes else training_of(net, crop, images)
    except Rejected as mistake:
        findings.add("darknet-network", str(mistake), mistake.span, notes=mistake.notes)
        raise SpecError(tuple(findings.all)) from None
    draft.new_line("input", [], {}, images.shape, origin=net, hint=("data",))
    if problems := _translate_layers(draft, layers, findings):
        findings.extend([inexpressible("darknet-not-expressible", problems, len(layers))])
    raise_errors(findings)
    if finds_boxes:
        draft.left_out.append((net.span, "the training, whose loss is that of boxes"))
    draft.left_out += training.left_out
    _note_options(draft, sections, trained=not finds_boxes)
    head = Head([origin(source)], PurePath(source.name).stem or "net", images.keys, settings=training.settings)
    stated: frozenset[Aspect] = frozenset({"preparation"} if finds_boxes else {"preparation", "training"})
    findings.extend(_left_out(draft))
    return _written(draft, source, findings, head, frozenset(ASPECTS) - stated)


def _translate_layers(draft: Draft, layers: Sequence[Section], findings: Findings) -> list[Problem]:
    """Translate all layers in order, and return those that cannot be expressed."""
    problems: list[Problem] = []
    for layer in layers:
        value: Value = None
        try:
            if layer.word in ABSENT:
                raise Inexpressible(ABSENT[layer.word])
            if layer.word not in DETECTION:
                check_zero(layer)
            value = _TRANSLATIONS[layer.word](Site(layer, draft))
        except Inexpressible as reason:
            problems.append(Problem(reason.span or layer.span, f"layer {layer.number} ([{layer.word}])", str(reason)))
        except Rejected as mistake:
            message = f"layer {layer.number}, [{layer.word}]: {mistake}"
            findings.add("darknet-network", message, mistake.span, notes=mistake.notes)
        except FollowsError:
            pass
        draft.values.append(value)
    return problems


def _note_options(draft: Draft, sections: Sequence[Section], *, trained: bool) -> None:
    """Note options that are left out, of ``[net]`` only if the spec is trained, and those that are stated again."""
    for section in sections:
        told = section.word in OPTIONS and (trained or section.word != NET)
        if told and (options := left_out(section)):
            draft.left_out.append((section.span, f"of [{section.word}]: {', '.join(options)}"))
        for name, span in section.again:
            draft.left_out.append((span, f"{name} is stated a second time; Darknet reads the first"))


def _written(draft: Draft, source: Source, findings: Findings, head: Head, unstated: frozenset[Aspect]) -> Translation:
    """Write the lines as a spec."""
    last = draft.values[-1] if isinstance(draft.values[-1], int) else draft.ends[-1]
    if last != len(draft.lines) - 1:
        draft.new_line("linear", [last], {}, draft.shape(last), hint=("output",))
    outputs = {*draft.ends} - {last} | {len(draft.lines) - 1}
    merged = with_neurons(draft.lines, outputs)
    lines: tuple[Line, ...] = merged.lines
    names: list[str] = []
    for line in lines:
        names.append(untaken("".join(line.hint) or line.type, names))
    spans = {name: section.span for name, section in origins_of(lines, names).items()}
    if len(outputs) > 1:
        ends = [names[merged.numbers[number]] for number in sorted(outputs)]
        findings.extend([other_outputs("darknet-left-out", ends, spans[names[0]])])
    text = write_spec(lines, names, head)
    spec, arrays = Source(source.name, text), arrays_of(lines, names)
    return Translation(spec, tuple(findings.all), spans, unstated, arrays=arrays, pieces=draft.pieces)


def _left_out(draft: Draft) -> list[Diagnostic]:
    """Return a warning with all that is left out, if there is anything."""
    found = sorted(draft.left_out, key=lambda item: item[0].start)
    notes = tuple(f"line {span.line}: {note}" for span, note in found)
    message = f"the spec leaves out {plural(len(found), 'thing')} of the file"
    return [Diagnostic("darknet-left-out", message, (found[0][0],), notes, severity="warning")] if found else []
