"""Fixes for refuted claims of a layer or the network: changes that make a claim true, and the corrected claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.check import Checked, LayerFacts
from netspec.diagnostics import Diagnostic, Edit
from netspec.formatting import format_count
from netspec.ir.ops import Connected, Linear
from netspec.ir.window import ROUNDINGS, Rounding, TransposedWindow, Window
from netspec.keys.counts import Count
from netspec.language.syntax import Pair
from netspec.solve.edits import propose_keys, set_setting
from netspec.solve.trial import Proposal
from netspec.solve.windows import enlarging, input_sizes, kernels, padding, roundings
from netspec.solve.windows.sizes import layer_window, tiles

MAX_SUSPECTS = 50
"""How many windows above a refuted claim are examined."""


def proposals(checked: Checked, facts: LayerFacts, mistake: Diagnostic) -> Iterator[Proposal]:
    """Yield changes that might make the claim true, the likeliest first, and finally the corrected claim."""
    count_pair = next((p for p in facts.stated.pairs.values() if p.span == mistake.span), None)
    if count_pair is not None:
        yield from _for_counts(checked, facts)
        yield from _for_windows(checked, facts)
        name = count_pair.key.text
        true = facts.stated.counts[name].corrected(facts.counts[name])
        yield Proposal(f"claim {name}={true}", (Edit(count_pair.value.span, str(true)),))
        return
    stated, computed = facts.stated.shape, facts.computed
    if stated is None or computed is None or facts.stated.shape_span is None:
        return
    if stated.channels != computed.channels and len(facts.reads) == 1:
        yield from _for_channels(checked, facts, stated.channels)
    if stated[1:] != computed[1:] or not computed.is_image:
        yield from _for_windows(checked, facts)
    wrong_counts = _wrong_counts(facts)
    edits = [Edit(p.value.span, str(true)) for p, true in wrong_counts]
    title = " ".join([f"claim {computed}", *(f"{p.key.text}={true}" for p, true in wrong_counts)])
    yield Proposal(title, (Edit(facts.stated.shape_span, str(computed)), *edits))


def _for_windows(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Yield changes of the windows above a layer and of its own. Input sizes that are tried in turn come last."""
    nearby_sizes: dict[str, Proposal] = {}
    suspects = _suspects(checked, facts)
    for upstream in (*suspects[:MAX_SUSPECTS], *(other for other in suspects[MAX_SUSPECTS:] if other is facts)):
        window = layer_window(upstream)
        if window is None:
            continue
        for proposal in _for_window(checked, facts, upstream, window):
            if proposal.nearby_size:
                nearby_sizes.setdefault(proposal.title, replace(proposal, cause=None))
            else:
                yield proposal
    yield from nearby_sizes.values()


def _for_window(checked: Checked, facts: LayerFacts, upstream: LayerFacts, window: Window) -> Iterator[Proposal]:
    if upstream is facts:
        yield from roundings.as_caffe(checked, facts, window)
        yield from kernels.size_keeping_stride(checked, facts, window)
        yield from _for_size(checked, facts, window)
        if isinstance(window, TransposedWindow):
            return
        yield from kernels.tiling(checked, facts, window)
        return
    name = upstream.name
    for proposal in _for_size(checked, upstream, window):
        yield replace(proposal, gives=proposal.gives and f"{name} {proposal.gives}", cause=upstream)


def implied_inputs(facts: LayerFacts, mistake: Diagnostic) -> tuple[str, ...]:
    """Say how many inputs a fully connected layer would have with the claimed weights or connections."""
    count_pair = next((p for p in facts.stated.pairs.values() if p.span == mistake.span), None)
    if count_pair is None or not facts.steps or len(facts.reads) != 1:
        return ()
    if count_pair.key.text not in ("weights", "connections"):
        return ()
    op, (number, unit, _) = facts.steps[0].op, facts.stated.counts[count_pair.key.text]
    if not isinstance(op, Linear) or op.groups > 1 or unit > 1 or number % op.outputs:
        return ()
    return (
        f"{format_count(number)} would be {format_count(number // op.outputs)} inputs * "
        f"{format_count(op.outputs)} outputs",
    )


def likely(checked: Checked, facts: LayerFacts, *, of_shape: bool) -> tuple[str, ...]:
    """Name a likely cause: the first window between the last proved claim and the refuted one that does not tile.

    No window is to blame for a wrong number of channels, nor for the shape behind a fully connected layer.
    """
    stated, computed = facts.stated.shape, facts.computed
    if of_shape and stated and computed and computed.is_image and stated[1:] == computed[1:]:
        return ()
    notes = []
    path = _path(checked, facts)
    settled = [(f.computed is not None and f.stated.shape == f.computed) or _is_connected(f) for f in path[:-1]]
    settled.append(of_shape and _is_connected(facts))
    first = max((i for i, done in enumerate(settled) if done), default=-1) + 1
    for upstream in path[first:-1]:
        window = layer_window(upstream)
        if window is None or upstream.computed is None:
            continue
        x = upstream.reads[0]
        if window.unrounded_output("width", x.width).denominator > 1:
            columns = upstream.computed.width
            notes.append(
                f"{upstream.name} makes {columns} of {x.width}: {window.arithmetic('width', x.width)}, "
                f"rounding={window.rounding}"
            )
    return tuple(notes[:1])


def _is_connected(facts: LayerFacts) -> bool:
    """Whether a layer is fully connected, so that its shape does not depend on what it reads."""
    return any(isinstance(step.op, Linear) for step in facts.steps)


def _path(checked: Checked, facts: LayerFacts) -> list[LayerFacts]:
    """The layers from the input down to this one, following first inputs."""
    path = [facts]
    while path[-1].inputs:
        path.append(checked.layers[path[-1].inputs[0]])
    return path[::-1]


def _suspects(checked: Checked, facts: LayerFacts) -> list[LayerFacts]:
    """Return layers with windows on the path from the input to this layer, the most suspect first.

    These are the ones that do not tile, then those that shrink their input for lack of padding, then the first one on
    the path, then this layer.
    """
    with_windows = [f for f in _path(checked, facts) if layer_window(f)]
    not_tiling = [f for f in with_windows if not tiles(f)]
    shrinking = [f for f in with_windows[:-1] if padding.same_size_pad(f) is not None]
    return list({id(f): f for f in (*not_tiling, *shrinking, *with_windows[:1], *with_windows[-1:])}.values())


def _for_size(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    if isinstance(window, TransposedWindow):
        yield from enlarging.proposals(checked, facts, window)
        yield from input_sizes.proposals(checked, facts, window)
        return
    if tiles(facts):
        yield from padding.swapped(checked, facts)
        yield from padding.keeping_size(checked, facts)
    yield from input_sizes.proposals(checked, facts, window)
    others: tuple[Rounding, ...] = ("up", "down")
    for other in others:
        if other != window.rounding:
            yield roundings.changed(checked, facts, window, other)
    yield from padding.tiling(checked, facts, window)
    yield from roundings.of_layer(checked, facts, window)


def _for_channels(checked: Checked, facts: LayerFacts, channels: int) -> Iterator[Proposal]:
    for key in ("filters", "outputs"):
        if key in facts.pairs:
            yield propose_keys(checked, facts, {key: str(channels)})


def _for_counts(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Yield changes of ``reads`` and ``groups``, which determine the number of weights and connections."""
    if not facts.steps or not isinstance(facts.steps[0].op, Connected):
        return
    other = "own" if facts.values.get("reads") == "all" else "all"
    yield propose_keys(checked, facts, {"reads": other}, "another function")
    if "groups" in facts.values:
        groups = 1 if facts.values["groups"] == 2 else 2
        yield propose_keys(checked, facts, {"groups": str(groups)}, "another function")


def _wrong_counts(facts: LayerFacts) -> list[tuple[Pair, Count]]:
    """The counts of a claim that are wrong, each with the true one."""
    stated, true = facts.stated, facts.counts
    return [
        (stated.pairs[key], count.corrected(true[key]))
        for key, count in stated.counts.items()
        if not count.holds(true[key])
    ]


MAX_LAYERS = 5_000
"""Of larger networks, only the claim is corrected: there is time for a few trials alone."""


def of_network(checked: Checked, mistake: Diagnostic) -> Iterator[Proposal]:
    """Yield one GPU group instead of several, and other roundings: the counts of many layers depend on them."""
    gpus, net = checked.settings.statements.get("gpus"), checked.settings.statements.get("net")
    claim = net.claim if net else None
    if claim is None or not claim.span.contains(mistake.span) or len(checked.layers) > MAX_LAYERS:
        return
    if gpus and gpus.values and (checked.settings.groups or 1) > 1:
        yield Proposal("gpus 1", (Edit(gpus.values[0].span, "1"),), "another function")
    if all(tiles(facts) for facts in checked.layers if layer_window(facts)):
        return
    for rounding in ROUNDINGS:
        edit = set_setting(checked, "net", "rounding", rounding)
        yield Proposal(f"net rounding={rounding}", (edit,), "another function")
