"""What is checked of every layer before it is translated."""

from __future__ import annotations

from netspec.formatting import plural
from netspec.importers.caffe.net.layers import LOSSES, SINKS
from netspec.importers.caffe.net.phases import TRAIN
from netspec.importers.caffe.net.types import DEPTHWISE
from netspec.importers.caffe.spec.lines import NO_LINE, Site
from netspec.importers.spec.problem import Inexpressible, Rejected

BY_PHASE = ("BN", "BatchNorm", "Dropout")
"""The types of layers that compute something else in the other phase."""


def check_layer(site: Site) -> None:
    """Raise ``Inexpressible`` for what layers of a spec lack, and ``Rejected`` for what Caffe rejects in all layers."""
    layer, network = site.layer, site.draft.network
    if layer.type in SINKS:
        return
    if layer.type not in LOSSES and any(layer.record.reals("loss_weight")):
        raise Inexpressible("its top is a loss by itself", layer.record.place("loss_weight"))
    if layer.record.has("blobs"):
        raise Inexpressible("its weights are in this file", layer.record.place("blobs"))
    own = layer.record.text("phase") if layer.record.has("phase") else ""
    if layer.type in BY_PHASE and own and (network.has_losses or own == TRAIN):
        raise Inexpressible(f"it works as in the phase {own} in both phases", layer.record.place("phase"))
    _check_gradients(site)
    if layer.type not in ("Convolution", "Deconvolution", "InnerProduct", *DEPTHWISE):
        _check_sharing(site)


def _check_sharing(site: Site) -> None:
    """Raise ``Inexpressible`` if a layer has a parameter of another one."""
    for param in site.layer.record.messages("param"):
        if name := param.text("name"):
            owner = site.draft.owners.setdefault(name, (site.layer, 0, NO_LINE))
            if owner[0] is not site.layer:
                raise Inexpressible("it shares its parameters with another layer", param.place("name"))


def _check_gradients(site: Site) -> None:
    """Raise ``Inexpressible`` if a layer passes no gradient to a value that is computed."""
    layer, network = site.layer, site.draft.network
    flags = layer.record.flags("propagate_down")
    if flags and len(flags) != len(layer.bottoms):
        message = f"it has {plural(len(layer.bottoms), 'bottom')}, and propagate_down for {len(flags)}"
        raise Rejected(message, layer.record.place("propagate_down"))
    computed = [not network.layers[top.layer].is_source for top in layer.bottoms]
    if network.is_trained and any(own and not flag for own, flag in zip(computed, flags, strict=False)):
        raise Inexpressible("it passes no gradient to what it reads", layer.record.place("propagate_down"))
