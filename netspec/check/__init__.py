"""Check a parsed spec: report each mistake once, or build the graph."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from netspec.check import allow
from netspec.check.cache import LayerCache
from netspec.check.effect import warn_no_effect
from netspec.check.facts import Checked, LayerFacts
from netspec.check.layers import Walk
from netspec.check.report import Findings
from netspec.check.statements import Settings, read_settings
from netspec.check.traps import traps
from netspec.check.updates import check_update_every
from netspec.check.wiring import wire
from netspec.diagnostics import Edit, Fix, Label, in_order
from netspec.diagnostics.model import first_line_span
from netspec.ir.graph import Graph, Layer, Node, Parameter
from netspec.ir.ops import Loss
from netspec.ir.settings import Preprocessing
from netspec.ir.shape import Shape
from netspec.ir.verify import verify
from netspec.language.bases import Folder
from netspec.language.parser import MAX_MISTAKES
from netspec.language.syntax import File, Section, Word, by_key
from netspec.language.variants import Texts, collect_texts
from netspec.source import Source, Span

__all__ = ["Checked", "LayerCache", "LayerFacts", "check", "check_file"]


def check(spec: Source | Texts, input_shape: Shape | None = None, earlier: LayerCache | None = None) -> Checked:
    """Parse and check a spec.

    ``input_shape`` replaces the input shape given in the file. ``earlier`` is the cache of a previous check of a
    similar spec (``Checked.cache``); it only makes this check faster.
    """
    texts = spec if isinstance(spec, Texts) else collect_texts(spec, Folder())
    with _collector_paused():
        return check_file(texts.file(), input_shape, texts, earlier)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector.

    A check creates many small objects without cycles, and scanning them repeatedly would take a third of its time.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def check_file(
    file: File, input_shape: Shape | None = None, texts: Texts | None = None, earlier: LayerCache | None = None
) -> Checked:
    """Check a parsed spec. Mistakes in it become diagnostics; they are never raised.

    ``texts`` are the texts that the file was parsed from, if there are several. With an ``input_shape``, the file's
    claims and crops are ignored, because they describe a network with another input.
    """
    findings = Findings(file.source, file.dropped)
    findings.all += file.diagnostics
    if input_shape is not None:
        file = replace(file, sections=tuple(section.without_claim() for section in file.sections))
    settings = read_settings(file, findings)
    if input_shape is not None:
        _fit_crops(settings, input_shape)
    wiring = wire(file.sections, findings)
    cache = LayerCache(settings, input_shape, earlier)
    walk = Walk(file.sections, wiring, settings, findings, input_shape, cache)
    for number in range(len(file.sections)):
        if len(findings.all) >= MAX_MISTAKES:
            break
        walk.check_section(number)
    _check_input(walk, file.source, findings)
    _check_crop(walk, settings, findings)
    if not _has_errors(findings):
        check_update_every(walk.facts, settings, findings)
    clean = not _has_errors(findings)
    if clean:
        _warn_unread(walk, findings)
        warn_no_effect(walk.facts, settings, findings)
    graph = verify(_build_graph(walk, settings)) if clean else None
    texts = texts or Texts(file.source)
    if graph is not None:
        findings.all += traps(graph, {f.section.name.text: f for f in walk.facts})
        silenced = [w for w in findings.all if allow.allowed(w)]
        findings.all = [w for w in findings.all if not allow.allowed(w)]
        if input_shape is None and not texts.changes:
            findings.all += (w for w in allow.unused(file.source, silenced) if not allow.allowed(w))
    findings.all += (w for w in allow.unknown(file.source) if not allow.allowed(w))
    return Checked(
        texts,
        file,
        graph,
        in_order(findings.all),
        tuple(walk.facts),
        settings.net_pairs,
        settings.statements,
        settings.crop,
        cache,
    )


def _has_errors(findings: Findings) -> bool:
    """Whether any error has been found."""
    return any(d.severity == "error" for d in findings.all)


def _fit_crops(settings: Settings, shape: Shape) -> None:
    """Make crops as large as the given input, and drop ``from=`` if its images are too small for them."""
    resize = settings.augment.resize
    large = resize if resize is not None and resize >= max(shape.height, shape.width) else None
    settings.augment = replace(settings.augment, crop=None, resize=large)
    settings.crop = None


def _check_input(walk: Walk, source: Source, findings: Findings) -> None:
    """Check that exactly one layer is the input."""
    if not walk.sections:
        if not _has_errors(findings):
            findings.add(
                "empty-spec",
                "there is no layer in this file",
                first_line_span(source),
                notes=("a layer is [name] type key=value ..., and the first is the input",),
            )
        return
    first_with_name = set(walk.wiring.index.values())
    inputs = [f for n, f in enumerate(walk.facts) if f.type == "input" and n in first_with_name]
    unknown = any(f.type is None for f in walk.facts) or len(walk.facts) < len(walk.sections)
    if not inputs and not unknown:
        dropped = next((d for d in findings.dropped.values() if _type_word(d.section) == "input"), None)
        findings.add(
            "no-input",
            "the network has no input",
            dropped.word.span if dropped else walk.sections[0].name.span,
            labels=(Label(dropped.section.name.span, "the input that is dropped"),) if dropped else (),
            notes=("one layer says what comes in: [image] input 3x224x224",),
        )
    read = {number for facts in walk.facts for number in facts.inputs}
    for facts in inputs[1:]:
        name = facts.section.name.text
        unread = walk.facts.index(facts) not in read
        findings.add(
            "several-inputs",
            f"{name} is a second input" + (", and nothing reads it" if unread else ""),
            facts.section.span,
            labels=(Label(inputs[0].section.name.span, "the first; a network has one"),),
            fixes=(Fix(f"take {name} away", (Edit(facts.section.span, ""),)),) if unread else (),
            layer=name,
        )


def _type_word(section: Section) -> str:
    """The word in the position of a layer's type, or an empty string."""
    word = section.values[0] if section.values else None
    return word.text if isinstance(word, Word) else ""


def _check_crop(walk: Walk, settings: Settings, findings: Findings) -> None:
    """Check that crops have the size of the network's input and fit into the images that they are cut from."""
    facts = next((f for f in walk.facts if f.type == "input" and f.computed), None)
    if facts is None or facts.computed is None:
        return
    shape, crop, resize = facts.computed, settings.augment.crop, settings.augment.resize
    if settings.crop is None or crop is None:
        if resize is not None and shape.is_image and resize < min(shape.height, shape.width):
            findings.add(
                "crop-too-large",
                f"an input of {shape} cannot be cut from images whose shorter side is {resize}",
                by_key(settings.statements["augment"].pairs)["from"].span,
                labels=(Label(_shape_span(facts), f"{facts.section.name.text} is {shape}"),),
            )
        return
    if not shape.is_image or shape[1:] != (crop, crop):
        findings.add(
            "crop-differs",
            f"crops of {crop} x {crop} pixels do not fit an input of {shape}",
            settings.crop.span,
            labels=(Label(_shape_span(facts), f"{facts.section.name.text} is {shape}"),),
        )


def _shape_span(facts: LayerFacts) -> Span:
    """The span of an input layer's shape, or of its name if the shape is missing."""
    values = facts.section.values
    return values[1].span if len(values) > 1 else facts.section.name.span


def _warn_unread(walk: Walk, findings: Findings) -> None:
    """Warn about layers that nothing reads, except losses and the network's output (its last layer)."""
    read = {i for inputs in walk.wiring.inputs for i in inputs or ()}
    for number, facts in enumerate(walk.facts[:-1]):
        value = walk.values[number]
        loss = value and value.lowered and isinstance(value.lowered.nodes[-1].op, Loss)
        if number not in read and not loss:
            name = facts.section.name.text
            findings.warn(
                "unread-layer",
                f"nothing reads {name}",
                facts.section.name.span,
                notes=(f"the network's output is its last layer, {walk.facts[-1].section.name.text}",),
                layer=name,
            )


def _build_graph(walk: Walk, settings: Settings) -> Graph:
    nodes: dict[str, Node] = {}
    layers: dict[str, Layer] = {}
    parameters: dict[str, Parameter] = {}
    for value in walk.values:
        assert value is not None and value.lowered is not None
        lowered = value.lowered
        for node in lowered.nodes:
            nodes[node.name] = node
        layers[lowered.layer.name] = lowered.layer
        for parameter in lowered.parameters:
            parameters[parameter.key] = parameter
    name, keys = next((facts.section.name.text, facts.values) for facts in walk.facts if facts.type == "input")
    channels = layers[name].output.channels
    return Graph(
        settings.name,
        settings.groups or 1,
        nodes,
        layers,
        parameters,
        Preprocessing(
            keys["range"], _per_channel(keys["mean"], channels), keys["order"], _per_channel(keys["std"], channels)
        ),
        settings.train,
        settings.augment,
        settings.test,
    )


def _per_channel(value: str | tuple[float, ...], channels: int) -> str | tuple[float, ...]:
    """Repeat a single number for every channel; leave a word or a complete tuple as it is."""
    return value * channels if isinstance(value, tuple) and len(value) == 1 else value
