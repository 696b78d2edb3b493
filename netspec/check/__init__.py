"""Check a parsed spec: report each mistake once, or build the graph."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from netspec.check import allow
from netspec.check.cache import LayerCache
from netspec.check.classes import check_class_losses, check_class_weights, check_views
from netspec.check.crop_sizes import least_side
from netspec.check.facts import Checked, LayerFacts
from netspec.check.layers import Walk
from netspec.check.network import check_network
from netspec.check.report import Findings
from netspec.check.statements import Settings, read_settings, with_unbracketed_layers
from netspec.check.totals import check_totals
from netspec.check.traps import traps
from netspec.check.wiring import wire
from netspec.diagnostics import Diagnostic, in_order
from netspec.ir.graph import Graph
from netspec.ir.settings import Preprocessing
from netspec.ir.shape import Shape
from netspec.ir.verify import verify
from netspec.language.bases import Folder
from netspec.language.syntax import File
from netspec.language.variants import Texts, collect_texts
from netspec.source import Source

__all__ = ["Checked", "LayerCache", "LayerFacts", "check", "check_file"]


def check(spec: Source | Texts, input_shape: Shape | None = None, earlier: LayerCache | None = None) -> Checked:
    """Parse and check a spec.

    ``input_shape`` replaces the input shape given in the file. ``earlier`` is the cache of a previous check of a
    similar spec (``Checked.cache``); it only makes this check faster.
    """
    texts = spec if isinstance(spec, Texts) else collect_texts(spec, Folder())
    with collector_paused():
        return check_file(texts.file(), input_shape, texts, earlier)


@contextmanager
def collector_paused() -> Iterator[None]:
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
        file = file.without_claims()
    settings = read_settings(file, findings)
    if input_shape is not None:
        _fit_crops(settings, input_shape)
    sections = with_unbracketed_layers(file)
    cache = LayerCache(settings, input_shape, earlier)
    walk = Walk(sections, wire(sections, findings), settings, findings, input_shape, cache)
    walk.check_sections()
    check_network(walk, settings, findings)
    findings.all = [*_without_stray_lines(findings.all)]
    texts = texts or Texts(file.source)
    graph: Graph | None = None
    if not findings.has_errors():
        graph = _checked_graph(walk, settings, findings, report_unused=input_shape is None and not texts.changes)
    findings.all += (w for w in allow.unknown(file.source) if not allow.allowed(w))
    return Checked(
        texts,
        file,
        graph,
        in_order(findings.all),
        tuple(walk.facts),
        settings,
        cache,
    )


def _checked_graph(walk: Walk, settings: Settings, findings: Findings, *, report_unused: bool) -> Graph | None:
    """Build the graph, and report what only shows in it: losses, weights of classes, views and claims of the network
    that do not fit; then no graph is returned. Traps too, with ``report_unused`` of ``_silence_warnings``."""
    graph, facts = verify(_build_graph(walk, settings)), {f.name: f for f in walk.facts}
    check_class_losses(graph, facts, findings)
    check_class_weights(graph, facts, settings, findings)
    if walk.reader.input_shape is None:  # with another input, scores may be maps where the file has none
        check_views(graph, facts, settings, findings)
    check_totals(graph, settings, findings)
    if findings.has_errors():
        return None
    findings.all += traps(graph, facts, settings)
    _silence_warnings(findings, report_unused=report_unused)
    return graph


def _without_stray_lines(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Report a line with an unknown key once, if it is like no key of the statement above: it may not belong there."""
    unknown = {_begin(d) for d in found if d.code == "unknown-key" and not d.fixes}
    stray = {_begin(d) for d in found if d.code == "unindented-continuation"} & unknown
    for diagnostic in found:
        if diagnostic.code == "unknown-key" and _begin(diagnostic) in stray:
            note = "a line that begins with a key continues the statement above it, and is indented"
            yield replace(diagnostic, notes=(note, *diagnostic.notes))
        elif diagnostic.code != "unindented-continuation" or _begin(diagnostic) not in stray:
            yield diagnostic


def _begin(diagnostic: Diagnostic) -> tuple[str, int]:
    return diagnostic.span.source.name, diagnostic.span.start


def _silence_warnings(findings: Findings, *, report_unused: bool) -> None:
    """Remove the warnings that a comment silences. With ``report_unused``, warn of comments that silence nothing."""
    silenced = [w for w in findings.all if allow.allowed(w)]
    findings.all = [w for w in findings.all if not allow.allowed(w)]
    if report_unused:
        findings.all += (w for w in allow.unused(findings.root, silenced) if not allow.allowed(w))


def _fit_crops(settings: Settings, shape: Shape) -> None:
    """Make crops as large as the given input, and drop ``from=`` if its images are too small for them."""
    augment, longer = settings.augment, max(shape.height, shape.width)
    least = least_side(augment, settings.pairs("augment")) or augment.resize
    if least is not None and least < longer:
        augment = replace(augment, resize=None, sides=None)
    settings.augment = replace(augment, crop=None)
    if settings.test.resize is not None and settings.test.resize < longer:
        settings.test = replace(settings.test, resize=None)


def _build_graph(walk: Walk, settings: Settings) -> Graph:
    lowered = [value.lowered for value in walk.values if value is not None and value.lowered is not None]
    assert len(lowered) == len(walk.values)
    layers = {one.layer.name: one.layer for one in lowered}
    name, keys = next((facts.name, facts.values) for facts in walk.facts if facts.type == "input")
    channels = layers[name].output.channels
    return Graph(
        settings.name,
        settings.groups or 1,
        {node.name: node for one in lowered for node in one.nodes},
        layers,
        {parameter.key: parameter for one in lowered for parameter in one.parameters},
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
