"""Sections of layers with weights: conv, local, fc, and version 2's sfc."""

from __future__ import annotations

from netspec.formatting import format_literal
from netspec.ir.distribution import Constant, Distribution, Normal
from netspec.ir.graph import Node, Parameter
from netspec.ir.ops import Bias, Concat, Conv, Linear, Local

from ..constraints import constraints
from ..learning import rates
from ..sections import Part, Section, listed
from ..site import Emissions, Site
from .places import convolution_place

_SUM_WIDTH = 4
"""``sumWidth``: over how many columns version 2 sums the weight gradient at once. It does not affect results."""


def conv_or_local(site: Site, op: Conv | Local) -> Section:
    """``conv`` or ``local``."""
    products = _weighted_nodes(site)
    by_part: list[dict[str, object]] = []
    for i, node in enumerate(products):
        by_part += [_values_of_input(site, i, node)] * len(site.parts(i))
    lists = {key: [values[key] for values in by_part] for key in by_part[0]}
    modules = next(filter(None, lists.pop("modulesX")), None)
    if set(lists["groups"]) == {1}:
        del lists["groups"]
    if "true" not in lists["randSparse"]:
        del lists["randSparse"], lists["filterChannels"]
    type_ = "conv" if isinstance(op, Conv) else "local"
    keys = {key: listed(values) for key, values in lists.items()} | _initial_keys(site, products)
    if type_ == "conv":
        unshared = any(isinstance(node.op, Bias) and node.op.per == "unit" for node in site.nodes)
        keys |= {"sharedBiases": "0"} if unshared else {}
        side = products[0].output.height
        keys |= {"partialSum": "0"} if site.draft.old else {"sumWidth": str(min(_SUM_WIDTH, side))}
    keys |= {"modulesX": str(modules)} if modules else {}
    inputs = tuple(part for i in range(len(products)) for part in site.parts(i))
    return site.section(type_, inputs, keys, **_learning(site, type_, products))


def _values_of_input(site: Site, index: int, node: Node) -> dict[str, object]:
    """Return the keys that list a value for each input, with that of one input. ``modulesX`` is not a list; it is
    ``None`` if the input does not need it."""
    op = node.op
    assert isinstance(op, Conv | Local)
    if isinstance(op, Conv) and op.table is not None:
        reason = "cuda-convnet's randSparse draws the channels that filters read, and has no tables"
        raise site.error(reason, "table", instead=("groups",))
    channels, side = site.square_maps(index)
    groups = _groups(site, index, op.groups, site.parts(index))
    repetitions = _repetitions(site, node)
    place = convolution_place(site, op.window, side, node.output.height)
    kernel, stride = op.window.kernel[0], op.window.stride[0]
    if stride > kernel:  # both versions read such a file and then stop: moduleStride <= filterSize in filter_acts.cu
        reason = f"cuda-convnet's convolutions skip no pixels: a stride of {stride} is above the kernel's {kernel}"
        raise site.error(reason, "stride", "kernel")
    return {
        "channels": channels,
        "filters": op.filters // site.groups // groups,
        "padding": place.padding,
        "stride": stride,
        "filterSize": kernel,
        "groups": groups,
        "randSparse": "true" if repetitions > 1 else "false",
        "filterChannels": channels * repetitions // groups,
        "modulesX": node.output.height if place.explicit else None,
    }


def fully_connected(site: Site, op: Linear) -> Section:
    """``fc``, or ``sfc`` if each part of the outputs reads only its own part of the inputs."""
    products = _weighted_nodes(site)
    part_counts = set()
    for i, node in enumerate(products):
        assert isinstance(node.op, Linear)
        part_counts.add(_groups(site, i, node.op.groups, site.parts(i)))
    if part_counts != {1} and (site.draft.old or len(part_counts) > 1):
        if site.draft.old:
            raise site.error("cuda-convnet of 2012 has no parts=", "parts", instead=("--dialect v2",))
        raise site.error("sfc divides all of its inputs into the same number of parts", "parts")
    inputs = tuple(part for i in range(len(products)) for part in site.parts(i))
    parts = part_counts.pop()
    keys = {"outputs": str(site.shape.units // parts)} | ({"parts": str(parts)} if parts > 1 else {})
    keys |= _initial_keys(site, products)
    type_ = "sfc" if parts > 1 else "fc"
    return site.section(type_, inputs, keys, **_learning(site, type_, products))


def _learning(site: Site, type_: str, products: list[Node]) -> dict[str, str]:
    """Return the keys of the parameter section."""
    weights = _weights_by_input(site, products)
    return rates(site, weights) | constraints(site, type_, weights)


def _weighted_nodes(site: Site) -> list[Node]:
    """Return the operations with weights, one for each input."""
    return [node for node in site.nodes if isinstance(node.op, Conv | Local | Linear)]


def _groups(site: Site, index: int, groups: int, parts: tuple[Part, ...]) -> int:
    """Return the number of groups within the section, given that of the layer."""
    if site.reads_own_share(index):
        return groups // site.groups
    if groups > 1 and (len(parts) > 1 or site.groups > 1):
        key = "parts" if site.layer.type == "fc" else "groups"
        raise site.error(
            f"its {groups} groups divide an input that several GPUs hold or read",
            key,
            "reads",
            notes=("cuda-convnet divides what one section reads into groups",),
            instead=("gpu=0, which makes the layer one section",),
        )
    return groups


def _repetitions(site: Site, node: Node) -> int:
    """Return how many times the input's channels are repeated (``spread=``)."""
    concat = site.graph.nodes[node.inputs[0]]
    if concat.layer != site.layer.name or not isinstance(concat.op, Concat):
        return 1
    if not site.draft.old:
        raise site.error("version 2 of cuda-convnet has no randSparse", "spread", instead=("--dialect 2012",))
    site.draft.problems.add_warning(
        site.layer.name, "randSparse draws which channels a filter reads; a spec has them in their order", "spread"
    )
    return len(concat.inputs)


def _weight(site: Site, node: Node) -> Parameter:
    return site.graph.parameters[node.params[0]]


def _bias(site: Site) -> Parameter | None:
    return next((p for p in site.graph.parameters_of(site.layer.name) if p.role == "bias"), None)


def _weights_by_input(site: Site, products: list[Node]) -> list[Parameter]:
    """Return the weight of each section that is read."""
    return [_weight(site, node) for i, node in enumerate(products) for _ in site.parts(i)]


def _initial_keys(site: Site, products: list[Node]) -> dict[str, str]:
    """Return the keys of initial values and shared weights."""
    weights = _weights_by_input(site, products)
    keys = {"initW": listed(_initial_std(site, weight.distribution) for weight in weights)}
    bias = _bias(site)
    if bias is None:
        raise site.error(
            "cuda-convnet has biases in every layer with weights",
            "bias",
            instead=("bias=0 bias_lr=0, which is a bias that stays 0",),
        )
    if not isinstance(bias.distribution, Constant):
        message = f"its biases are initialised by {bias.distribution}; cuda-convnet has one number for all, initB"
        site.error(message, "bias", instead=("bias=0",))
    elif bias.distribution.value:
        keys["initB"] = format_literal(bias.distribution.value)
    sources = [_weight_source(site, node, i, j) for i, node in enumerate(products) for j, _ in enumerate(site.parts(i))]
    return keys | ({"weightSource": listed(sources)} if any(sources) else {})


def _initial_std(site: Site, distribution: Distribution) -> str:
    if isinstance(distribution, Normal) and distribution.mean == 0:
        return format_literal(distribution.std)
    if distribution == Constant(0.0):
        return "0"
    drawn = f"its weights are initialised by {distribution}"
    message = f"{drawn}; initW is the standard deviation of a normal distribution around 0"
    site.error(message, "init", instead=("init=gaussian(0.01)",))
    return "0"


def _weight_source(site: Site, node: Node, index: int, part: int) -> str:
    """Return the section whose matrix is shared and the index of its input there, ``conv1a[0]``, or ``""`` if none."""
    weight = _weight(site, node)
    owner = site
    if weight.layer != site.layer.name:
        name = site.draft.values[weight.layer].parts[site.member or 0].name
        owner = Site(site.draft, site.graph.layers[weight.layer], name, site.member)
    owner_index = [_weight(owner, product).key for product in _weighted_nodes(owner)].index(weight.key)
    if owner is site and owner_index == index:
        return ""
    number = sum(len(owner.parts(i)) for i in range(owner_index)) + part
    return f"{owner.name}[{number}]"


EMITTED: Emissions = {Conv: conv_or_local, Local: conv_or_local, Linear: fully_connected}
