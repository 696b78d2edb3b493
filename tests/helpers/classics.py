"""The networks of specs/classics, also narrowed and on smaller images, so that running one takes milliseconds."""

from __future__ import annotations

from places import SPECS

from netspec import load
from netspec.net import Net

CLASSICS = sorted((SPECS / "classics").glob("*.net"))

_SIDES = {"googlenet": 80, "inception-v3": 75, "squeezenet": 67, "zfnet": 64}
"""Sides of small images in which every window fits, where 32 is too small."""

_SMALLER = {"inception-v3": ["aux-pool.kernel=3", "aux-conv2.kernel=1"]}
"""Windows that are as large as maps of the original images."""

_NARROWER = 8
"""All numbers of filters are multiples of this, but those of scores."""

_AS_WIDE = ("shufflenet-v2",)
"""Its channels are counted by its slices too, and it is small."""


def classic(name: str) -> Net:
    return load(SPECS / "classics" / f"{name}.net")


def narrow(name: str) -> Net:
    """Return a network with an eighth of its filters, of depthwise ones too, and with 12 outputs of each ``fc``."""
    changes = list(_SMALLER.get(name, ()))
    for layer in classic(name).layers.values():
        if layer.type == "fc":
            changes.append(f"{layer.name}.outputs=12")
        elif layer.type == "conv" and name not in _AS_WIDE and layer.output.channels % _NARROWER == 0:
            changes.append(f"{layer.name}.filters={layer.output.channels // _NARROWER}")
            groups = layer.windows[0].groups
            changes += [f"{layer.name}.groups={groups // _NARROWER}"] * (groups > 1)
    side = _SIDES.get(name, 32)
    return load(SPECS / "classics" / f"{name}.net", input=(3, side, side), set=changes)
