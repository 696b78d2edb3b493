"""Warnings that know convnets: things that compute, and are most often not what was meant. No opinions, only traps.

Each looks at the checked graph. A line's comment can silence one by its code: ``# allow: lrn-across-groups``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from netspec.check.facts import LayerFacts
from netspec.check.signal import mean_square, strengths
from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.ir.distribution import Constant
from netspec.ir.graph import Graph, Node, Parameter
from netspec.ir.ops import (
    BatchNorm,
    Bias,
    Conv,
    CrossEntropy,
    Dropout,
    Input,
    Linear,
    Local,
    Logistic,
    Loss,
    Lrn,
    NoisyRelu,
    Relu,
    Relu6,
    SetCrossEntropy,
    Softmax,
    Tanh,
    window_of,
)
from netspec.ir.shape import Shape
from netspec.source import Source, Span
from netspec.units import count, plain, plural

MOST_COLOURS = 4
"""How many channels a picture has at most: three colours and a mask."""

MOST_NAMED = 8
"""How many channels that nothing reads are told by their numbers."""

WEAKEST, STRONGEST = 1e-4, 1e4
"""Between these the outputs of freshly initialised layers should be; far from them gradients vanish or overflow."""

SAFE_SUPER_EPS = 0.25
"""With it or more there is a root of the running means for any gradients."""

SUREST = 50
"""Freshly drawn scores of this size make the first loss about 50 sqrt(2 ln(classes)), some forty times that of guessing
among ten. The networks of the literature begin with scores below 10."""


def traps(graph: Graph, facts: Mapping[str, LayerFacts]) -> tuple[Diagnostic, ...]:
    """All warnings of a network, in the order of its layers."""
    order = {name: i for i, name in enumerate(graph.layers)}
    found = [w for rule in _RULES for w in rule(graph, facts)]
    return tuple(sorted(found, key=lambda w: order[w.layer]))


def _unread_pixels(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Rounding down leaves the last columns or rows of an image that no window reads.

    Where the stride is longer than the window, as in a 1x1 projection of stride 2 (He et al., 2015, section 3.3), as
    many stay unread between any two windows by design, and at the end it is told only of more.
    """
    for node in graph.nodes.values():
        window = window_of(node.op)
        if window is None:
            continue
        (x,) = graph.shapes(node)
        rows, columns = window.fit(x.height, x.width)
        gap = [stride - extent for stride, extent in zip(window.stride, window.extent, strict=True)]
        if columns.unread > max(0, gap[1]):
            note = f"{window.arithmetic('width', x.width)}: {_never_read(columns.unread, x.width, 'column')}"
        elif rows.unread > max(0, gap[0]):
            note = f"{window.arithmetic('height', x.height)}: {_never_read(rows.unread, x.height, 'row')}"
        else:
            continue
        yield _warning("unread-pixels", f"{node.layer} leaves pixels unread", node, facts, ("kernel",), [note])


def _unread_channels(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """A connection table in which a channel stands in no row."""
    for node in graph.nodes.values():
        if not isinstance(node.op, Conv) or node.op.table is None:
            continue
        (x,) = graph.shapes(node)
        read = {channel for row in node.op.table.rows for channel in row}
        unread = [str(channel) for channel in range(x.channels) if channel not in read]
        if unread:
            which = plural(len(unread), "channel").split(" ", 1)[1]
            message = f"no filter of {node.layer} reads {which} {', '.join(unread[:MOST_NAMED])}"
            message += f" and {len(unread) - MOST_NAMED} more" if len(unread) > MOST_NAMED else ""
            notes = [f"its input has {plural(x.channels, 'channel')}, and a table counts them from 0"]
            yield _warning("unread-channels", message, node, facts, ("table",), notes)


def _never_read(unread: int, size: int, what: str) -> str:
    last = f"the last {what} of {size} is" if unread == 1 else f"the last {unread} of {size} {what}s are"
    return f"{last} never read"


def _channels_last(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """An image that was written height x width x channels is as many channels of very narrow maps."""
    for node in graph.nodes.values():
        shape = node.output
        values = facts[node.layer].section.values if isinstance(node.op, Input) else ()
        if not shape.is_image or len(values) < 2:
            continue
        if shape.channels == shape.height > MOST_COLOURS >= shape.width:
            meant = Shape(shape.width, shape.channels, shape.height)
            message = f"{node.layer} has {shape.channels} channels of {shape.height} x {shape.width} pixels"
            note = f"a shape is channels x height x width: {meant} has {shape.channels} x {shape.height} pixels"
            fix = Fix(f"write {meant}", (Edit(values[1].span, str(meant)),))
            yield Diagnostic(
                "channels-last", message, (values[1].span,), (note,), (fix,), severity="warning", layer=node.layer
            )


def _relu_on_scores(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    for node in graph.nodes.values():
        if _reads_scores(node):
            source = graph.nodes[node.inputs[0]]
            while isinstance(source.op, Dropout):
                source = graph.nodes[source.inputs[0]]
            if isinstance(source.op, Relu | Relu6 | NoisyRelu):
                message = f"{source.layer} cuts its class scores off at 0 before {node.layer}"
                notes = ["scores below 0 all become equal, and their classes get no gradient"]
                yield _warning("relu-on-scores", message, source, facts, ("neuron",), notes)


def _reads_scores(node: Node) -> bool:
    return isinstance(node.op, Softmax) or (isinstance(node.op, Loss) and node.op.labelled)


def _sets_of_all(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    for node in graph.nodes.values():
        if isinstance(node.op, SetCrossEntropy) and node.op.size == (classes := graph.shapes(node)[0].units):
            message = f"{node.layer} is 0 whatever the scores are: its sets have all {count(classes)} classes"
            notes = ["the image's class is in a set of all with probability 1, and -log 1 = 0; a smaller size is meant"]
            yield _warning("no-effect", message, node, facts, ("size",), notes)


def _no_class_loss(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Losses that know no classes, beside class scores that none of them is about.

    An autoencoder has such losses, and they depend on all the weights of what it computes.
    """
    losses = graph.losses
    if not losses or any(isinstance(node.op, Loss) and node.op.knows_classes for node in losses):
        return
    softmaxes = [node for node in graph.nodes.values() if isinstance(node.op, Softmax)]
    answer = softmaxes[-1] if softmaxes else graph.output
    beside = graph.needed((answer,)) - graph.needed(losses)
    if answer.output.is_image or isinstance(answer.op, Loss) or answer.name not in beside:
        return
    if not softmaxes and not any(graph.nodes[name].params for name in beside):
        return
    first, scores = losses[0], graph.scores.layer
    message = f"{first.layer} takes the place of the cross-entropy: no loss knows the images' classes"
    notes = [
        f"without a loss in the file, the cross-entropy of {scores} is trained; with one, the file's losses alone",
    ]
    yield replace(_warning("no-class-loss", message, first, facts, (), notes), fixes=(_class_loss(scores, facts),))


def _class_loss(scores: str, facts: Mapping[str, LayerFacts]) -> Fix:
    """A cross-entropy of the class scores: above the last softmax, which goes on reading the scores, or last."""
    name = next(n for n in ("loss", *(f"loss{i}" for i in range(2, len(facts) + 2))) if n not in facts)
    line = f"[{name}] crossentropy inputs={scores}"
    sections = [known.section for known in facts.values()]
    softmax = next((s for s in sections[::-1] if facts[s.name.text].type == "softmax"), None)
    if softmax is None:
        source = sections[0].span.source
        begins = "" if source.text.endswith(("\n", "\r")) else source.newline
        return Fix(f"add {line}", (_inserted(source, len(source.text), f"{begins}{line}{source.newline}"),))
    above = softmax.span.source
    edits = [_inserted(above, softmax.span.start, f"{line}{above.newline}")]
    if not any(pair.key.text == "inputs" for pair in softmax.pairs):
        word = softmax.values[0].span
        edits.append(_inserted(word.source, word.end, f" inputs={scores}"))
    return Fix(f"add {line} above {softmax.name.text}", tuple(edits))


def _inserted(source: Source, place: int, text: str) -> Edit:
    return Edit(Span(source, place, place), text)


def _softmax_twice(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    for node in graph.nodes.values():
        if isinstance(node.op, CrossEntropy) and isinstance(graph.nodes[node.inputs[0]].op, Softmax):
            softmax = node.inputs[0]
            message = f"{node.layer} applies a softmax of its own to {softmax}, which is one already"
            notes = [f"let it read what {softmax} reads: inputs={graph.layers[softmax].inputs[0]}"]
            yield _warning("softmax-twice", message, node, facts, ("inputs",), notes)


def _dropout_on_scores(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    readers = _readers(graph)
    *_, output = graph.nodes.values()
    for node in graph.nodes.values():
        if isinstance(node.op, Dropout):
            after = readers.get(node.name, [])
            # A layer that is nobody's input and not the last one is a mistake of another kind, told by itself.
            if all(_reads_scores(r) for r in after) if after else node is output:
                message = f"{node.layer} drops the network's own outputs"
                notes = ["a class score that is 0 by chance is a wrong answer; dropout belongs between layers"]
                yield _warning("dropout-on-scores", message, node, facts, (), notes)


def _lrn_across_groups(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """A window over the maps of two groups of filters that never read the same maps."""
    makers = _makers(graph)
    for node in graph.nodes.values():
        if not isinstance(node.op, Lrn):
            continue
        maker = makers[node.name]
        if maker is None or not isinstance(maker.op, Conv | Local):
            continue
        groups = graph.groups if maker.placement.split else maker.op.groups
        if node.op.groups == 1 and groups > 1:
            channels = node.output.channels // groups
            message = f"{node.layer}'s window crosses the {groups} groups of {maker.layer}"
            notes = [
                f"maps {channels - 1} and {channels} stand beside each other only by their numbers; on two GPUs each "
                "normalised over its own"
            ]
            yield _warning("lrn-across-groups", message, node, facts, ("reads", "size"), notes)


def _saturated_bias(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """A bias of 1 feeds a ReLU positive inputs; a tanh or logistic neuron it moves out of its steep middle."""
    readers = _readers(graph)
    for node in graph.nodes.values():
        if not isinstance(node.op, Conv | Local | Linear | Bias):
            continue
        starts = [graph.parameters[key].distribution for key in node.params if graph.parameters[key].role == "bias"]
        for start in starts:
            if isinstance(start, Constant) and abs(start.value) >= 1:
                for reader in readers.get(node.name, []):
                    if isinstance(reader.op, Tanh | Logistic):
                        word = "tanh" if isinstance(reader.op, Tanh) else "logistic"
                        message = f"{node.layer} starts with biases of {plain(start.value)} before its {word}"
                        notes = ["a bias of 1 is there to give ReLUs positive inputs; it flattens this neuron"]
                        yield _warning("saturating-bias", message, node, facts, ("bias", "neuron"), notes)


def _signal(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """The first layer whose outputs, freshly initialised, are far too small or far too large."""
    roots = strengths(graph)
    for name, rms in roots.items():
        node = graph.nodes[name]
        if not isinstance(node.op, Conv | Local | Linear) or WEAKEST <= rms <= STRONGEST:
            continue
        weight = graph.parameters[node.params[0]]
        code, verb = ("signal-vanishes", "vanishes") if rms < WEAKEST else ("signal-explodes", "explodes")
        message = f"the signal {verb}: {node.layer} starts with outputs of about {_about(rms)}"
        before = roots[node.inputs[0]]
        notes = [
            f"it reads values of about {_about(before)} with weights from {weight.distribution}, "
            f"{count(_fan_in(weight, node))} a unit"
        ]
        if rms:
            kept = math.sqrt(mean_square(weight.distribution)) * before / rms
            notes.append(
                f"weights with a standard deviation of {_about(kept)} would give outputs as large as what it reads"
            )
        yield _warning(code, message, node, facts, ("init",), notes)
        return
    yield from _sure_of_nothing(graph, facts, roots)


def _sure_of_nothing(graph: Graph, facts: Mapping[str, LayerFacts], roots: Mapping[str, float]) -> Iterator[Diagnostic]:
    """A softmax whose scores are drawn so large that it is sure of one class before anything is learnt."""
    for reader in graph.nodes.values():
        if not isinstance(reader.op, Softmax | CrossEntropy) or roots[reader.inputs[0]] <= SUREST:
            continue
        node = graph.nodes[reader.inputs[0]]
        pixels = roots[graph.input.name]
        notes = [
            f"{reader.layer} reads them, and is then sure of a class that was drawn by lot; scores of about 1 are not",
            f"the network reads pixels of about {_about(pixels)}; "
            "range=1 and mean=image on the input line make them small",
        ]
        message = f"the scores start too large: {node.layer}'s are about {_about(roots[node.name])}"
        yield _warning("signal-explodes", message, node, facts, ("init",), notes)
        return


def _about(value: float) -> str:
    """An estimate, to three digits."""
    return plain(float(f"{value:.3g}"))


def _fan_in(weight: Parameter, node: Node) -> int:
    """How many weights a unit has; with a connection table, on average."""
    units = math.prod(weight.shape[: 3 if isinstance(node.op, Local) else 1])
    return round(weight.size / units)


def _makers(graph: Graph) -> dict[str, Node | None]:
    """The layer with weights whose maps each value's channels are, looking up past what keeps them apart."""
    makers: dict[str, Node | None] = {}
    for node in graph.nodes.values():
        if isinstance(node.op, Conv | Local):
            makers[node.name] = node
        else:
            makers[node.name] = makers[node.inputs[0]] if len(node.inputs) == 1 else None
    return makers


def _readers(graph: Graph) -> dict[str, list[Node]]:
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes.values():
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    return readers


def _warning(
    code: str,
    message: str,
    node: Node,
    facts: Mapping[str, LayerFacts],
    keys: Iterable[str],
    notes: Iterable[str],
) -> Diagnostic:
    known = facts[node.layer]
    spans = [known.pairs[key].span for key in keys if key in known.pairs]
    section = known.section
    fallback: Span = section.values[0].span if section.values else section.name.span
    return Diagnostic(
        code, message, tuple(spans[:1]) or (fallback,), tuple(notes), severity="warning", layer=node.layer
    )


def _batchnorm_momentum(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """What PyTorch and Keras call the momentum of a batch normalisation is another number here. Of one in a ``default``
    line it is told at the first layer."""
    told = False
    for node in graph.nodes.values():
        momentum = facts[node.layer].values.get("momentum") if isinstance(node.op, BatchNorm) else None
        if momentum is None:
            continue
        pair = facts[node.layer].pairs.get("momentum")
        if told and pair is None:
            continue
        told = told or pair is None
        whose, share = ("Keras or Caffe", 1 - momentum) if momentum > 0.5 else ("PyTorch", momentum)
        said, average = f"momentum={plain(momentum)}", f"average={plain(round(share, 6))}"
        message = f"{said} of {node.layer} is that of its weights in training"
        notes = [f"the share of the running averages that a step replaces is {average} for {said} of {whose}"]
        fixes = (Fix(f"write {average}", (Edit(pair.span, average),)),) if pair and momentum else ()
        yield replace(_warning("batchnorm-momentum", message, node, facts, ("momentum",), notes), fixes=fixes)


def _super_eps(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """The mean of g^2 + g is at least -1/4, that of g = -1/2."""
    for node in graph.nodes.values():
        for p in (graph.parameters[key] for key in node.params):
            if p.layer == node.layer and p.super_eps is not None and p.super_eps < SAFE_SUPER_EPS and p.lr:
                message = f"{p.layer}'s super_eps={plain(p.super_eps)} may leave the root of a number below 0"
                notes = ["g^2 + g is -0.25 at g = -0.5; from super_eps=0.25 on its mean plus super_eps is above 0"]
                yield _warning("super-eps-too-small", message, node, facts, ("super_eps",), notes)
                break


_RULES = (
    _channels_last,
    _unread_pixels,
    _unread_channels,
    _relu_on_scores,
    _softmax_twice,
    _no_class_loss,
    _sets_of_all,
    _dropout_on_scores,
    _lrn_across_groups,
    _saturated_bias,
    _batchnorm_momentum,
    _signal,
    _super_eps,
)
