"""Sections of layers with weights: conv, local, fc, and version 2's sfc."""

from __future__ import annotations

from netspec.ir.distribution import Constant, Distribution, Normal
from netspec.ir.graph import Node, Parameter
from netspec.ir.ops import Bias, Concat, Conv, Linear, Local
from netspec.units import literal

from ..constraints import constraints
from ..learning import rates
from ..sections import Part, Section, listed
from ..site import Site
from .places import convolution

_SOME = 4
"""``sumWidth``: over how many columns version 2 sums the weight gradient at once. It does not affect results."""


def windows(site: Site) -> Section:
    """``conv`` or ``local``."""
    products = _products(site)
    lists: dict[str, list[object]] = {key: [] for key in ("channels", "filters", "padding", "stride", "filterSize")}
    lists |= {"groups": [], "randSparse": [], "filterChannels": []}
    reads: list[Part] = []
    more: dict[str, str] = {}
    for i, node in enumerate(products):
        op = node.op
        assert isinstance(op, Conv | Local)
        if isinstance(op, Conv) and op.table is not None:
            why = "cuda-convnet's randSparse draws the channels that filters read, and has no tables"
            raise site.cannot_say(why, "table", instead=("groups",))
        channels, side = site.square(i)
        parts = site.parts(i)
        groups = _groups(site, i, op.groups, parts)
        spread = _spread(site, node)
        place = convolution(site, op.window, side, node.output.height, i)
        if place.more_windows:
            more["modulesX"] = str(node.output.height)
        reads += parts
        lists["channels"] += [channels] * len(parts)
        lists["filters"] += [op.filters // site.groups // groups] * len(parts)
        lists["padding"] += [place.padding] * len(parts)
        lists["stride"] += [op.window.stride[0]] * len(parts)
        lists["filterSize"] += [op.window.kernel[0]] * len(parts)
        lists["groups"] += [groups] * len(parts)
        lists["randSparse"] += ["true" if spread > 1 else "false"] * len(parts)
        lists["filterChannels"] += [channels * spread // groups] * len(parts)
    if set(lists["groups"]) == {1}:
        del lists["groups"]
    if "true" not in lists["randSparse"]:
        del lists["randSparse"], lists["filterChannels"]
    type_ = "conv" if isinstance(products[0].op, Conv) else "local"
    keys = {key: listed(values) for key, values in lists.items()} | _start(site, products)
    if type_ == "conv":
        unshared = any(isinstance(node.op, Bias) and node.op.per == "unit" for node in site.nodes)
        keys |= {"sharedBiases": "0"} if unshared else {}
        side = products[0].output.height
        keys |= {"partialSum": "0"} if site.draft.old else {"sumWidth": str(min(_SOME, side))}
    keys |= more
    return site.section(type_, tuple(reads), keys, **_learning(site, type_, products))


def connected(site: Site) -> Section:
    """``fc``, or ``sfc`` if each part of the outputs reads only its own part of the inputs."""
    products = _products(site)
    divided = set()
    for i, node in enumerate(products):
        assert isinstance(node.op, Linear)
        divided.add(_groups(site, i, node.op.groups, site.parts(i)))
    outputs = site.shape.units
    if divided != {1} and (site.draft.old or len(divided) > 1):
        why = "version 2 of cuda-convnet has" if site.draft.old else "sfc has one number of"
        raise site.cannot_say(
            f"{why} parts for a whole fully connected layer alone",
            "parts",
            instead=("--dialect v2",) if site.draft.old else (),
        )
    reads = tuple(part for i in range(len(products)) for part in site.parts(i))
    parts = divided.pop()
    keys = {"outputs": str(outputs // parts)} | ({"parts": str(parts)} if parts > 1 else {}) | _start(site, products)
    type_ = "sfc" if parts > 1 else "fc"
    return site.section(type_, reads, keys, **_learning(site, type_, products))


def _learning(site: Site, type_: str, products: list[Node]) -> dict[str, str]:
    """Return the keys of the parameter section."""
    weights = _per_part(site, products)
    return rates(site, weights) | constraints(site, type_, weights)


def _products(site: Site) -> list[Node]:
    """Return the operations with weights, one for each input."""
    return [node for node in site.nodes if isinstance(node.op, Conv | Local | Linear)]


def _groups(site: Site, index: int, groups: int, parts: tuple[Part, ...]) -> int:
    """Return the number of groups within the section, given that of the layer."""
    if site.own(index):
        return groups // site.groups
    if groups > 1 and (len(parts) > 1 or site.groups > 1):
        key = "parts" if site.layer.type == "fc" else "groups"
        raise site.cannot_say(
            f"its {groups} groups divide what lies on several GPUs, or is read by several",
            key,
            "reads",
            notes=("cuda-convnet divides what one section reads into groups",),
            instead=("gpu=0, which makes the layer one section",),
        )
    return groups


def _spread(site: Site, node: Node) -> int:
    """Return how many times the input's channels are repeated (``spread=``)."""
    laid = site.graph.nodes[node.inputs[0]]
    if laid.layer != site.layer.name or not isinstance(laid.op, Concat):
        return 1
    if not site.draft.old:
        raise site.cannot_say("version 2 of cuda-convnet has no randSparse", "spread", instead=("--dialect 2012",))
    site.draft.problems.left_out(
        site.layer.name, "randSparse draws which channels a filter reads; a spec has them in their order", "spread"
    )
    return len(laid.inputs)


def _weight(site: Site, node: Node) -> Parameter:
    return site.graph.parameters[node.params[0]]


def _bias(site: Site) -> Parameter | None:
    return next((p for p in site.graph.parameters_of(site.layer.name) if p.role == "bias"), None)


def _per_part(site: Site, products: list[Node]) -> list[Parameter]:
    """Return the weight of each section that is read."""
    return [_weight(site, node) for i, node in enumerate(products) for _ in site.parts(i)]


def _start(site: Site, products: list[Node]) -> dict[str, str]:
    """Return the keys of initial values and shared weights."""
    weights = _per_part(site, products)
    keys = {"initW": listed(_deviation(site, weight.distribution) for weight in weights)}
    bias = _bias(site)
    if bias is None:
        raise site.cannot_say(
            "cuda-convnet has biases in every layer with weights",
            "bias",
            instead=("bias=0 bias_lr=0, which is a bias that stays 0",),
        )
    if not isinstance(bias.distribution, Constant):
        message = f"its biases begin as {bias.distribution}; cuda-convnet has one number for all, initB"
        site.cannot_say(message, "bias", instead=("bias=0",))
    elif bias.distribution.value:
        keys["initB"] = literal(bias.distribution.value)
    sources = [_source(site, node, i, j) for i, node in enumerate(products) for j, _ in enumerate(site.parts(i))]
    return keys | ({"weightSource": listed(sources)} if any(sources) else {})


def _deviation(site: Site, drawn: Distribution) -> str:
    if isinstance(drawn, Normal) and drawn.mean == 0:
        return literal(drawn.std)
    if drawn == Constant(0.0):
        return "0"
    message = f"its weights begin as {drawn}; initW is the standard deviation of a normal distribution around 0"
    site.cannot_say(message, "init", instead=("init=gaussian(0.01)",))
    return "0"


def _source(site: Site, node: Node, index: int, part: int) -> str:
    """Return the section whose matrix is shared and the index of its input there, ``conv1a[0]``, or ``""`` if none."""
    weight = _weight(site, node)
    theirs = site
    if weight.layer != site.layer.name:
        name = site.draft.values[weight.layer].parts[site.member or 0].name
        theirs = Site(site.draft, site.graph.layers[weight.layer], name, site.member)
    before = [_weight(theirs, each).key for each in _products(theirs)].index(weight.key)
    if theirs is site and before == index:
        return ""
    number = sum(len(theirs.parts(i)) for i in range(before)) + part
    return f"{theirs.name}[{number}]"


EMITTED = {Conv: windows, Local: windows, Linear: connected}
