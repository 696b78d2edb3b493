"""Networks to draw, and helpers that extract texts, boxes and lines from a figure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

from building import Builder
from places import ROOT

import netspec
from netspec.draw import Figure, figure_of
from netspec.draw.fonts import text_width
from netspec.draw.marks import Point, Polygon, Slab, Stroke, Words
from netspec.ir.graph import Graph
from netspec.ir.ops import Concat, Conv, Linear, MaxPool, Relu, Sum
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window
from netspec.net import Net
from netspec.source import Source

SPECS = sorted((ROOT / "specs").glob("*.net"))

INCEPTION = """
net inception
[image] input 192x28x28
[one] conv filters=64 kernel=1 neuron=relu
[reduce3] conv inputs=image filters=96 kernel=1 neuron=relu
[three] conv filters=128 kernel=3 pad=1 neuron=relu
[reduce5] conv inputs=image filters=16 kernel=1
[five] conv filters=32 kernel=5 pad=2
[pool] maxpool inputs=image kernel=3 stride=1 pad=1
[proj] conv filters=32 kernel=1
[joined] concat inputs=one,three,five,proj
"""

RESIDUAL = """
net residual
[image] input 64x56x56
[conv1] conv filters=64 kernel=3 pad=1
[bn1] batchnorm
[relu1] relu
[conv2] conv filters=64 kernel=3 pad=1
[bn2] batchnorm
[add] sum inputs=bn2,image
[pool] avgpool kernel=56
[fc] fc outputs=10
[prob] softmax
"""

GATED = """
net gated
[image] input 16x32x32
[conv1] conv filters=32 kernel=3 pad=1 neuron=silu
[mean] avgpool kernel=global
[fc1] fc outputs=8 neuron=relu
[fc2] fc outputs=32 neuron=hardsigmoid
[gated] product inputs=conv1,fc2
[fc] fc outputs=10
[prob] softmax
"""

FOUR = """
net four
gpus 4
[image] input 3x32x32
[conv1] conv filters=64 kernel=5 pad=2
[conv2] conv filters=64 kernel=3 pad=1
[conv3] conv filters=64 kernel=3 pad=1 reads=all
[fc] fc outputs=100 reads=all
[prob] softmax
"""

EXPLICIT = """
net explicit
gpus 2
[image] input 3x32x32
[left] conv filters=32 kernel=5 pad=2 gpu=0
[right] conv inputs=image filters=32 kernel=5 pad=2 gpu=1
[meet] conv inputs=left,right filters=64 kernel=3 pad=1 gpu=0
[alone] conv inputs=right filters=64 kernel=3 pad=1 gpu=1
[both] concat inputs=meet,alone
[fc] fc outputs=10 gpu=1
"""

BRANCHING_TOWERS = """
net branching-towers
gpus 2
[image] input 3x32x32
[a] conv filters=32 kernel=3 pad=1
[b] conv inputs=a filters=32 kernel=3 pad=1
[c] conv inputs=a filters=32 kernel=1 reads=all
[d] concat inputs=b,c
[e] conv filters=64 kernel=3 pad=1
[f] sum inputs=d,e
[fc] fc outputs=100 reads=all
[prob] softmax
"""

LONG_WAY_ROUND = """
net around
gpus 3
[image] input 3x32x32
[a] conv filters=48 kernel=3 pad=1
[gathered] softmax
[b] conv filters=48 kernel=3 pad=1
[c] sum inputs=a,b
"""

BRANCHING = {"inception": INCEPTION, "residual": RESIDUAL, "gated": GATED}
TOWERS = {"four": FOUR, "explicit": EXPLICIT, "branching-towers": BRANCHING_TOWERS, "around": LONG_WAY_ROUND}


def chain(length: int) -> str:
    """A spec of ``length`` convolutions, with one connection that bypasses them all."""
    layers = "".join(f"[c{i}] conv filters=16 kernel=3 pad=1 neuron=relu\n" for i in range(length))
    return f"net chain\n[image] input 16x32x32\n{layers}[s] sum inputs=c{length - 1},image\n"


def figure_of_text(text: str, *, costs: bool = False) -> Figure:
    """The figure of a spec given as text."""
    return figure_of(netspec.loads(text), costs=costs)


def net_of(graph: Graph) -> Net:
    """A net made from a graph, without a source text."""
    return Net(Source("<built>", ""), graph)


def random_net(seed: int) -> Net:
    """A random network with forks, joins and long bypasses."""
    rng = random.Random(seed)
    build = Builder(f"random{seed}")
    names = [build.input(8, 16, 16)]
    for number in range(rng.randrange(4, 24)):
        same_shape = [n for n in names if build.nodes[n].output == Shape(8, 16, 16)]
        op = rng.choice(
            [Conv(8, Window((3, 3), (1, 1), Pad(1, 1, 1, 1))), Relu(), Sum(), Concat(), MaxPool(Window((2, 2)))]
        )
        if isinstance(op, Sum | Concat):
            inputs = rng.sample(same_shape, min(len(same_shape), rng.randrange(1, 5)))
        else:
            inputs = [rng.choice(same_shape if rng.random() < 0.7 else same_shape[-1:])]
        names.append(build.add(f"layer{number}", op, *inputs))
    build.add("scores", Linear(10), names[-1])
    return net_of(build.graph())


def random_towers(seed: int) -> str:
    """A random spec with GPU groups: layers on one group or on all, reading their own share or everything."""
    rng = random.Random(seed)
    groups = rng.randrange(2, 5)
    lines = [f"net random\ngpus {groups}\n[image] input 12x16x16"]
    placed: dict[str, str] = {"image": "whole"}
    for number in range(rng.randrange(4, 20)):
        name, source = f"layer{number}", rng.choice(list(placed)[-4:])
        gpu = rng.choice(["all", "all", *map(str, range(groups))])
        same_placement = [n for n, w in placed.items() if w == placed[source]]
        if placed[source] == "all" and rng.random() < 0.2:
            lines.append(f"[{name}] lrn inputs={source} size=3 k=1 alpha=1 beta=1 reads={rng.choice(['own', 'all'])}")
            placed[name] = "all"
        elif len(same_placement) > 1 and rng.random() < 0.4:
            inputs = ",".join(rng.sample(same_placement, min(len(same_placement), rng.randrange(2, 5))))
            lines.append(f"[{name}] sum inputs={inputs}")
            placed[name] = placed[source]
        else:
            reads = rng.choice(["own", "all"])
            lines.append(f"[{name}] conv inputs={source} filters=12 kernel=3 pad=1 reads={reads} gpu={gpu}")
            placed[name] = gpu
    return "\n".join([*lines, "[fc] fc outputs=12 reads=all", "[prob] softmax"])


def text_marks(figure: Figure) -> list[Words]:
    """All text marks of a figure."""
    return [mark for mark in figure.flat() if isinstance(mark, Words)]


def text_box(text: Words) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a box that holds the text in any of the usual fonts."""
    width = text_width(text.text, text.size, bold=text.bold)
    left = text.x - {"start": 0.0, "middle": width / 2, "end": width}[text.anchor]
    return left, text.y - 0.76 * text.size, left + width, text.y + 0.24 * text.size


def texts(figure: Figure) -> set[str]:
    """The set of strings of a figure's text marks."""
    return {w.text for w in text_marks(figure)}


def fronts(figure: Figure) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of the front of each box or slab."""
    boxes = []
    for mark in figure.flat():
        if isinstance(mark, Polygon) and mark.fill.endswith("-front"):
            xs, ys = zip(*mark.points, strict=True)
            boxes.append((min(xs), min(ys), max(xs), max(ys)))
        elif isinstance(mark, Slab) and mark.fill.endswith("-front"):
            boxes.append((mark.x, mark.y, mark.x + mark.width, mark.y + mark.height))
    return boxes


def lines(figure: Figure, role: str) -> list[Stroke]:
    """The lines between boxes with a role (``line`` or ``cross``)."""
    return [mark for mark in figure.flat() if isinstance(mark, Stroke) and mark.role == role]


def points_on(stroke: Stroke) -> Iterator[Point]:
    """Yield points along a line at short distances."""
    step = 3 if stroke.curved else 1
    for n in range(0, len(stroke.points) - step, step):
        piece = stroke.points[n : n + step + 1]
        for k in range(101):
            yield _on(piece, k / 100)


def _on(piece: tuple[Point, ...], t: float) -> Point:
    """The point of a Bézier curve at ``t``, by De Casteljau's algorithm."""
    points = list(piece)
    while len(points) > 1:
        points = [(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) for a, b in pairwise(points)]
    return points[0]


def overlapping(boxes: list[tuple[float, float, float, float]]) -> list[tuple[int, int]]:
    """The pairs of rectangles that overlap by more than 0.1."""
    order = sorted(range(len(boxes)), key=lambda i: boxes[i][0])
    pairs = []
    for position, i in enumerate(order):
        for j in order[position + 1 :]:
            if boxes[j][0] > boxes[i][2] - 0.1:
                break
            if boxes[i][1] < boxes[j][3] - 0.1 and boxes[j][1] < boxes[i][3] - 0.1:
                pairs.append((i, j))
    return pairs


def inside(point: Point, box: tuple[float, float, float, float], tolerance: float = 0.6) -> bool:
    """Whether a point is inside a rectangle, by more than ``tolerance`` from its border."""
    left, top, right, bottom = box
    return left + tolerance < point[0] < right - tolerance and top + tolerance < point[1] < bottom - tolerance
