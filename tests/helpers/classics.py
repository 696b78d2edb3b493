"""The networks of specs/classics, also narrowed and on smaller images, so that running one takes milliseconds."""

from __future__ import annotations

from places import SPECS

from netspec import load
from netspec.ir.ops import Product
from netspec.net import Net

CLASSICS = sorted((SPECS / "classics").glob("*.net"))

_OTHERS_LAYERS = (
    "densenet-121", "fcn-16s", "fcn-32s", "mobilenet-v2", "resnet-34", "resnet-50-v1-5", "resnet-101", "vgg-11",
    "vgg-19",
)  # fmt: skip
"""Each is made of the same layers as another one, of which it has more or fewer, or with other strides."""

DISTINCT = [path for path in CLASSICS if path.stem not in _OTHERS_LAYERS]

_SIDES = {
    "densenet-bc-100-12": 8, "espcn": 5, "fsrcnn": 7, "googlenet": 80, "inception-v3": 75, "lecun-1989": 16,
    "lenet-1": 28, "overfeat-fast": 71, "squeezenet": 67, "u-net": 188, "wrn-28-10": 8, "xception": 43, "zfnet": 64,
}  # fmt: skip
"""Sides of small images in which every window fits, where 32 is too small or too large."""

_SMALLER = {
    "dcgan-generator": ["project.outputs=2048", "maps.size=128x4x4"],
    "inception-v3": ["aux-pool.kernel=3", "aux-conv2.kernel=1"],
}
"""Windows that are as large as maps of the original images, and a shape that the network states."""

_NARROWER = 8
"""All numbers of filters are multiples of this, but those of scores."""

_AS_WIDE = ("lecun-1989", "lenet-1", "shufflenet", "shufflenet-v2")
"""Channels are counted by tables or slices or divided by groups too, and the networks are small."""


def classic(name: str) -> Net:
    return load(SPECS / "classics" / f"{name}.net")


def narrow(name: str) -> Net:
    """Return a network with an eighth of its filters, of depthwise ones too, and with 12 outputs of each ``fc``, but an
    eighth of those that gate maps."""
    changes = list(_SMALLER.get(name, ()))
    fixed = {change.partition(".")[0] for change in changes}
    net = classic(name)
    gates = {input_ for node in net.graph.nodes.values() if isinstance(node.op, Product) for input_ in node.inputs}
    for layer in net.layers.values():
        if layer.name in fixed:
            continue
        if layer.type == "fc":
            outputs = layer.units // _NARROWER if layer.name in gates else 12
            changes.append(f"{layer.name}.outputs={outputs}")
        elif layer.type in ("conv", "deconv") and name not in _AS_WIDE and layer.output.channels % _NARROWER == 0:
            changes.append(f"{layer.name}.filters={layer.output.channels // _NARROWER}")
            groups = layer.windows[0].groups
            changes += [f"{layer.name}.groups={groups // _NARROWER}"] * (groups > 1)
    image = net.graph.input.output
    side = _SIDES.get(name, 32)
    shape = (image.channels, side, side) if image.is_image else None
    return load(SPECS / "classics" / f"{name}.net", input=shape, set=changes)
