"""Normalisations, dropout and softmax."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netspec.formatting import format_literal
from netspec.importers.operators.graph.model import Tensor
from netspec.importers.operators.spec.lines import Arrays, Read, Site, described, ones, zeros
from netspec.importers.operators.spec.naming import of_parameter
from netspec.importers.operators.spec.views import C, N, Value
from netspec.importers.spec.problem import Inexpressible

EPS = 1e-5


def batch_norm(site: Site) -> None:
    """Batch normalisation with running statistics."""
    if site.get("training_mode", 0) or any(site.node.outputs[1:]) or _trains(site):
        raise Inexpressible("it uses the statistics of the batch; export the model in evaluation mode")
    x = _by_channel(site, 1)
    scale, shift = site.tensor(1), site.tensor(2)
    mean, variance = site.needed_tensor(3), site.needed_tensor(4)
    if {tensor.size for tensor in (scale, shift, mean, variance) if tensor is not None} != {x.shape.channels}:
        raise Inexpressible(f"its parameters are not one for each of {x.shape.channels} channels")
    affine = _affine(x.shape.channels, scale, shift)
    arrays = {**affine, "running_mean": _flat(mean), "running_var": _flat(variance)}
    keys = _eps(site) | ({} if affine else {"affine": "no"})
    average = 1 - float(np.float32(site.get("momentum", 0.9)))
    if abs(average - 0.1) > 1e-6 and 0 <= average <= 1:
        keys["average"] = format_literal(round(average, 6))
    site.emit("batchnorm", x, keys, arrays=arrays, hint=of_parameter(scale, shift, mean))


def _trains(site: Site) -> bool:
    """Whether an operator is in training mode, as those before operator set 7 were unless they said otherwise."""
    return site.model.opset < 7 and not site.get("is_test", 0)


def layer_norm(site: Site) -> None:
    """LayerNormalization, over the last axes, which must be the channels."""
    if site.is_read(1) or site.is_read(2):
        raise Inexpressible("its further outputs, mean and deviation, have no counterpart")
    x, axis = site.x, site.get("axis", -1) % len(site.x.axes)
    scale, shift = site.tensor(1), site.tensor(2)
    _emit_layer_norm(site, x, range(axis, len(x.axes)), scale, shift)


def recognised_layer_norm(site: Site) -> None:
    """A layer normalisation that was written as several operators."""
    axis = site.get("axis") % len(site.x.axes)
    _emit_layer_norm(site, site.x, (axis,), _named(site, "scale"), _named(site, "shift"))


def _emit_layer_norm(site: Site, x: Value, axes: Sequence[int], scale: Tensor | None, shift: Tensor | None) -> None:
    over, whole = tuple(axis for place in axes for axis in x.axes[place]), None
    if over == x.own and x.shape.is_image and len(over) > 1 and (x.is_vector or x.is_image):
        whole, x = x, site.draft.vector(x)
    elif over != x.single("C"):
        raise Inexpressible(f"it normalises {described(x)} over {''.join(over)}; a spec does over the channels")
    affine = _affine(x.shape.channels, scale, shift)
    keys = _eps(site) | ({} if affine else {"affine": "no"})
    if whole is None or whole.is_vector:
        site.emit("layernorm", x, keys, arrays=affine, hint=of_parameter(scale, shift))
        return
    line = site.line("layernorm", x, keys, x.shape, arrays=affine, hint=of_parameter(scale, shift))
    site.result(whole.of(site.draft.with_shape(line, whole.shape), whole.shape))


def recognised_group_norm(site: Site) -> None:
    """A group normalisation that was written as several operators."""
    _emit_group_norm(site, int(site.get("groups")), _named(site, "scale"), _named(site, "shift"))


def instance_norm(site: Site) -> None:
    """InstanceNormalization: as many groups as channels."""
    _emit_group_norm(site, site.x.shape.channels, site.tensor(1), site.tensor(2))


def group_norm(site: Site) -> None:
    """GroupNormalization, which has had a coefficient for each channel since operator set 21. (ONNX withdrew the one of
    operator set 18.)"""
    _emit_group_norm(site, int(site.get("num_groups")), site.needed_tensor(1), site.needed_tensor(2))


def _emit_group_norm(site: Site, groups: int, scale: Tensor | None, shift: Tensor | None) -> None:
    x = _by_channel(site, 1)
    channels = x.shape.channels
    affine = _affine(channels, scale, shift)
    keys = {"groups": str(groups), **_eps(site)} | ({} if affine else {"affine": "no"})
    site.emit("groupnorm", x, keys, arrays=affine, hint=of_parameter(scale, shift))


def lrn(site: Site) -> None:
    """Local response normalisation. ONNX's alpha is the factor on the mean of the window, a spec's ``scale``."""
    size = int(site.get("size"))
    if size % 2 == 0 and site.get("further") != "down":
        raise Inexpressible("its window is even, and extends further up than down; in a spec it is the other way round")
    keys = _response(site)
    if (groups := int(site.get("groups", 1))) > 1:
        keys["groups"] = str(groups)
    site.emit("lrn", site.image(), keys)


def map_norm(site: Site) -> None:
    """Response normalisation within maps, which was written as several operators."""
    site.emit("rnorm", site.image(), _response(site))


def _response(site: Site) -> dict[str, str]:
    keys = {"size": str(int(site.get("size")))}
    if (bias := site.literal(site.get("bias", 1.0))) != "1":
        keys["k"] = bias
    return keys | {"scale": site.literal(site.get("alpha", 1e-4)), "beta": site.literal(site.get("beta", 0.75))}


def dropout(site: Site) -> None:
    """Dropout. The rate is an input since operator set 12."""
    if site.is_read(1):
        raise Inexpressible("its second output, what it dropped, has no counterpart")
    training = site.tensor(2)
    if (training is not None and bool(training.read().reshape(-1)[0])) or _trains(site):
        raise Inexpressible("it drops units outside training too; export the model in evaluation mode")
    rate = site.tensor(1)
    number_ = float(rate.values().reshape(-1)[0]) if rate is not None else float(site.get("ratio", 0.5))
    if number_ >= 1:
        raise Inexpressible("it drops everything")
    site.emit("dropout", site.x, {"rate": site.literal(number_), **_dropped_together(site)})


def _dropped_together(site: Site) -> dict[str, str]:
    """Return what drops as a whole: single units, ``channels``, axis 1, or ``images``, axis 0."""
    x, over = site.x, site.get("over")
    if not over or (over == "channels" and x.is_vector and not x.shape.is_image):
        return {}
    if x.axes[:1] != ((N,),) or (over == "channels" and x.axes[1:2] != (x.single(C),)):
        raise Inexpressible(f"it drops parts of {described(x)} as a whole; a spec's drops channels, axis 1, or images")
    return {"over": over}


def softmax(site: Site) -> None:
    """Softmax over the channels, or over the features of a vector."""
    site.emit("softmax", _over_channels(site))


def log_softmax(site: Site) -> None:
    """The logarithm of a softmax, in two lines."""
    x = _over_channels(site)
    line = site.draft.new_line("softmax", [x.line], {}, x.shape)
    site.emit("log", x.of(line, x.shape))


def _over_channels(site: Site) -> Value:
    """Return the value whose channels a softmax is over. Before operator set 13, it was over all axes from one on."""
    x, rank = site.x, len(site.x.axes)
    if site.model.opset < 13:
        axes = range(site.get("axis", 1) % rank, rank)
    else:
        axes = range(site.get("axis", -1) % rank, site.get("axis", -1) % rank + 1)
    over = tuple(axis for place in axes for axis in x.axes[place])
    if over == x.single("C"):
        return x
    if over == x.own and x.is_vector:
        return site.draft.vector(x)
    named = f"the axes {''.join(over)}" if over else "an axis of length 1"
    raise Inexpressible(f"it is over {named} of {described(x)}; a spec's is over the channels")


def _by_channel(site: Site, place: int) -> Value:
    """Return a value with the channels at this axis. A flattened image becomes a vector."""
    x = site.x
    if x.is_vector and x.shape.is_image and x.shape.units > x.shape.channels:
        return site.draft.vector(x)
    if len(x.axes) <= place or x.axes[0] != ("N",) or x.axes[place] != x.single("C"):
        raise Inexpressible(f"it normalises each channel, axis 1, and its input is {described(x)}")
    return x


def _eps(site: Site) -> dict[str, str]:
    eps = site.literal(site.get("epsilon", EPS))
    return {} if float(eps) == EPS else {"eps": eps}


def _named(site: Site, attribute: str) -> Tensor | None:
    name = site.get(attribute)
    return site.model.tensors[name] if name is not None else None


def _affine(channels: int, scale: Tensor | None, shift: Tensor | None) -> Arrays:
    """Return the coefficients and biases of a normalisation; nothing if it has neither.

    Raises ``Inexpressible`` if they are not one for each channel.
    """
    if scale is None and shift is None:
        return {}
    for tensor in (scale, shift):
        if tensor is not None and tensor.size != channels:
            raise Inexpressible(f"it has {tensor.size} coefficients for {channels} channels")
    return {
        "weight": ones(channels) if scale is None else _flat(scale),
        "bias": zeros(channels) if shift is None else _flat(shift),
    }


def _flat(tensor: Tensor) -> Read:
    """Return a function that returns a constant's values in one axis."""
    return lambda: tensor.values().reshape(-1)
