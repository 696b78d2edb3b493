"""Normalisations, coefficients and slopes of channels, dropout and softmax."""

from __future__ import annotations

from netspec.importers.caffe.learning import fillers, multipliers
from netspec.importers.caffe.learning.numbers import literal
from netspec.importers.caffe.learning.substitutes import substitute
from netspec.importers.caffe.net.network import signature
from netspec.importers.caffe.net.phases import TRAIN
from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.spec.elementwise import joined
from netspec.importers.caffe.spec.learnt import check_params, rates
from netspec.importers.caffe.spec.lines import Draft, Site, Value, axis_of, described
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.keys.texts import number

_RUNNING_IN_TRAINING = "it uses the running averages in training too; a spec uses the statistics of the batch"
_BATCH_IN_TESTS = "it uses the statistics of the batch outside training too; a spec uses running averages"


def lrn(site: Site) -> None:
    """Local response normalisation. Caffe's alpha is the factor on the mean of the window, a spec's ``scale``.

    Within a channel, k is always 1 (src/caffe/layers/lrn_layer.cpp).
    """
    parameter, x = site.parameter("lrn_param"), site.image()
    size, within = parameter.integer("local_size"), parameter.text("norm_region") == "WITHIN_CHANNEL"
    if size % 2 == 0:
        raise Rejected("its local_size is even; Caffe takes odd ones", parameter.place("local_size"))
    if within and size > min(x.shape.height, x.shape.width):
        reason = f"its window of {size}x{size} is larger than its maps of {x.shape.height}x{x.shape.width}"
        raise Inexpressible(f"{reason}; that of a spec's rnorm is not", parameter.place("local_size"))
    k = parameter.real("k")
    keys = {"size": str(size)}
    if k != 1 and not within:
        if k <= 0:
            raise Inexpressible("its k is not above 0", parameter.place("k"))
        keys["k"] = literal(parameter, "k")
    if parameter.real("alpha") < 0:
        raise Inexpressible("its alpha is below 0", parameter.place("alpha"))
    keys |= {"scale": literal(parameter, "alpha"), "beta": literal(parameter, "beta")}
    site.emit("rnorm" if within else "lrn", x, keys)


def batch_norm(site: Site) -> None:
    """Batch normalisation without coefficients, which a Scale may give it."""
    parameter, x, name = site.parameter("batch_norm_param"), site.features(), site.layer.name
    check_params(site, 3)
    if not parameter.real("eps") > 0:
        raise Inexpressible("its eps is not above 0", parameter.place("eps"))
    keys = {} if parameter.real("eps") == 1e-5 else {"eps": literal(parameter, "eps")}
    fraction = parameter.real("moving_average_fraction")
    if not 0 <= fraction <= 1:
        raise Inexpressible(
            "its moving_average_fraction is not from 0 to 1", parameter.place("moving_average_fraction")
        )
    keys |= {"average": number(round(1 - fraction, 9)), "affine": "no"}
    site.emit("batchnorm", x, keys, blobs={"running_mean": (name, 0), "running_var": (name, 1)})
    _check_statistics(site.layer.record, site.draft)


def _check_statistics(layer: Record, draft: Draft) -> None:
    """Raise ``Inexpressible`` if it uses running averages where a spec has statistics of the batch, or these there.

    By default, Caffe uses them as a spec does. A file to deploy states what it uses outside training alone. In tests of
    a network that is trained, the statistics of the batch are replaced by running averages, with a warning.
    """
    network = draft.network
    other = network.absent.get(signature(layer)) if network.phase == TRAIN else None
    in_training, in_tests = (record.message("batch_norm_param") for record in (layer, other or layer))
    if network.has_losses and in_training.flag("use_global_stats"):
        raise Inexpressible(_RUNNING_IN_TRAINING, in_training.place("use_global_stats"))
    if in_tests.has("use_global_stats") and not in_tests.flag("use_global_stats"):
        place = in_tests.place("use_global_stats")
        if not network.has_losses:
            raise Inexpressible(f"{_BATCH_IN_TESTS}; without use_global_stats, Caffe uses them too", place)
        note = "networks to deploy use running averages; without use_global_stats, Caffe's tests use them too"
        if not any(_BATCH_IN_TESTS in warning.message for warning in draft.substitutes):
            draft.substitutes.append(substitute(f"{layer.text('name')}: {_BATCH_IN_TESTS}", place, note))


def other_batch_norm(site: Site) -> None:
    """A BN of other versions of Caffe, which its fields tell apart.

    ``bn_mode: INFERENCE`` are coefficients of channels (alexgkendall/caffe-segnet); fillers of slopes and biases, or a
    momentum, belong to a batch normalisation (yjxiong/caffe), with the blobs slope, bias, mean and variance.
    """
    parameter, x, name = site.parameter("bn_param"), site.features(), site.layer.name
    keys, blobs = rates(site, biased=True), {"weight": (name, 0), "bias": (name, 1)}
    if parameter.text("bn_mode") == "INFERENCE":
        check_params(site, 2)
        site.emit("affine", x, _beginning(site, parameter, x.shape.channels) | keys, blobs=blobs)
        return
    if not any(parameter.has(name) for name in ("slope_filler", "bias_filler", "momentum", "frozen", "eps")):
        reason = "several versions of Caffe have such layers, and its fields do not tell which; those of BVLC's are"
        raise Inexpressible(f"{reason} BatchNorm and Scale")
    check_params(site, 4)
    network, momentum = site.draft.network, parameter.real("momentum")
    if network.has_losses and parameter.flag("frozen"):
        raise Inexpressible(_RUNNING_IN_TRAINING, parameter.place("frozen"))
    if not (parameter.real("eps") > 0 and 0 <= momentum <= 1):
        reason = "its eps is not above 0, or its momentum not from 0 to 1"
        raise Inexpressible(reason, parameter.place("eps", "momentum"))
    if network.is_trained and not _usual_start(parameter, "slope_filler"):
        raise Inexpressible("its slopes do not begin at 1, or its biases not at 0", parameter.place("slope_filler"))
    keys |= {} if parameter.real("eps") == 1e-5 else {"eps": literal(parameter, "eps")}
    keys["average"] = number(round(1 - momentum, 9))
    blobs |= {"running_mean": (name, 2), "running_var": (name, 3)}
    site.emit("batchnorm", x, keys, blobs=blobs)


def _beginning(site: Site, parameter: Record, channels: int) -> dict[str, str]:
    """Return how the coefficients and biases of a BN begin."""
    if not site.draft.network.is_trained:
        return {}
    init = fillers.coefficients(parameter.message("scale_filler"), channels)
    start = fillers.biases(parameter.message("shift_filler"), channels)
    return ({} if init == "constant(1)" else {"init": init}) | ({} if start == "0" else {"bias": start})


def scale(site: Site) -> None:
    """A coefficient for each channel, or a product of maps and one number for each channel."""
    parameter = site.parameter("scale_param")
    if len(site.layer.bottoms) > 1:
        _product(site, parameter)
        return
    x, biased = _by_channel(site, parameter), parameter.flag("bias_term")
    line, name = site.owned_line(), site.layer.name
    check_params(site, 2 if biased else 1)
    blobs = {"weight": (name, 0), **({"bias": (name, 1)} if biased else {})}
    keys = rates(site, biased=biased)
    completes = line is not None and line.type == "batchnorm" and line.keys.get("affine") == "no"
    if line is not None and completes and biased and _usual_start(parameter):
        del line.keys["affine"]
        line.keys |= keys
        line.arrays |= blobs
        site.result(x)
        return
    site.emit("affine", x, _coefficients(site, parameter, x.shape.channels) | keys, blobs=blobs)


def _coefficients(site: Site, parameter: Record, channels: int) -> dict[str, str]:
    """Return how coefficients and biases begin; those without a filler at 1 and 0."""
    keys = {} if parameter.flag("bias_term") else {"bias": "none"}
    if not site.draft.network.is_trained:
        return keys
    if parameter.has("filler"):
        init = fillers.coefficients(parameter.message("filler"), channels)
        keys |= {} if init == "constant(1)" else {"init": init}
    if parameter.flag("bias_term"):
        start = fillers.biases(parameter.message("bias_filler"), channels)
        keys |= {} if start == "0" else {"bias": start}
    return keys


def _usual_start(parameter: Record, coefficients: str = "filler") -> bool:
    """Whether coefficients begin at 1 and biases at 0, as those of a batch normalisation of a spec do."""
    for name, value in ((coefficients, 1.0), ("bias_filler", 0.0)):
        filler = parameter.message(name)
        start = filler.real("value") if filler.text("type") == "constant" else None
        if parameter.has(name) and start != value:
            return False
    return True


def prelu(site: Site) -> None:
    """Slopes for what is below 0, one for each channel or one for all.

    Caffe's slopes decay as other weights do; a spec's do only with a decay of their own.
    """
    parameter, x, record = site.parameter("prelu_param"), site.features(), site.layer.record
    check_params(site, 1)
    shared = parameter.flag("channel_shared")
    keys = {"shared": "yes"} if shared else {}
    if site.draft.network.is_trained and parameter.has("filler"):
        init = fillers.coefficients(parameter.message("filler"), 1 if shared else x.shape.channels)
        keys |= {} if init == "constant(0.25)" else {"init": init}
    rate, decay = (multipliers.multiplier(record, 0, field) for field in ("lr_mult", "decay_mult"))
    keys |= {} if rate == 1 else {"lr_mult": number(rate)}
    if rate and decay and site.draft.decay:
        keys["decay"] = number(decay * site.draft.decay)
    site.emit("prelu", x, keys, blobs={"weight": (site.layer.name, 0)})


def bias(site: Site) -> None:
    """A bias for each channel: coefficients that stay 1, and biases. With a second bottom of the same shape, a sum."""
    parameter = site.parameter("bias_param")
    if len(site.layer.bottoms) > 1:
        _sum(site, parameter)
        return
    x = _by_channel(site, parameter)
    check_params(site, 1)
    keys = {"lr_mult": "0", "decay_mult": "0"}
    start = fillers.biases(parameter.message("filler"), x.shape.channels)
    keys |= {} if start == "0" else {"bias": start}
    keys |= multipliers.of_biases(site.layer.record, 0, decays=site.draft.bias_decays)
    site.emit("affine", x, keys, blobs={"bias": (site.layer.name, 0)})


def _by_channel(site: Site, parameter: Record) -> Value:
    """Return the bottom of a layer that has one number for each channel. Raises ``Inexpressible`` for others."""
    value = site.value(0)
    axis, count = axis_of(parameter, value), parameter.integer("num_axes")
    covered = value.sizes[axis - 1 :] if count == -1 else value.sizes[axis - 1 : axis - 1 + count]
    if axis != 1 or not covered or any(size != 1 for size in covered[1:]):
        raise Inexpressible("its numbers are not one for each channel", parameter.place("axis", "num_axes"))
    return site.features()


def _sum(site: Site, parameter: Record) -> None:
    a, b = site.values
    axis = axis_of(parameter, a)
    if axis != 0 or a.sizes != b.sizes:
        reason = f"it adds {described(b)} to {described(a)} from axis {axis} on"
        raise Inexpressible(f"{reason}; a spec adds values of the same shape")
    joined(site, "sum", [a, b])


def _product(site: Site, parameter: Record) -> None:
    a, b = site.values
    if parameter.flag("bias_term"):
        raise Inexpressible("it adds biases to a product", parameter.place("bias_term"))
    axis = axis_of(parameter, a)
    sizes = b.sizes if axis == 0 else None
    if sizes == a.sizes:
        joined(site, "product", [a, b])
        return
    if sizes is None or sizes != a.sizes[: len(sizes)] or len(sizes) != 1 or len(a.sizes) != 3:
        reason = f"it multiplies {described(a)} by {described(b)} from axis {axis} on"
        raise Inexpressible(f"{reason}; a spec multiplies equal axes, or maps by one number for each channel")
    maps, gates = site.image(0), site.vector(b)
    line = site.draft.new_line("product", [maps.line, gates.line], {}, maps.shape, origin=site.layer)
    site.result(maps.of(line))


def dropout(site: Site) -> None:
    """Dropout, whose factor is applied in training unless ``scale_train`` says otherwise."""
    parameter = site.parameter("dropout_param")
    ratio = parameter.real("dropout_ratio")
    if not 0 <= ratio < 1:
        raise Rejected("its dropout_ratio is not between 0 and 1", parameter.place("dropout_ratio"))
    if ratio == 0:
        site.result(site.x)
        return
    keys = {"rate": literal(parameter, "dropout_ratio")}
    if not parameter.flag("scale_train"):
        keys["scaling"] = "test"
    site.emit("dropout", site.x, keys)


def softmax(site: Site) -> None:
    """Softmax over the channels. That of single pixels is one of a vector."""
    site.emit("softmax", scores(site, "softmax_param"))


def scores(site: Site, name: str) -> Value:
    """Return what a softmax reads: a vector, or maps. Raises ``Inexpressible`` if it is over another axis."""
    parameter, x = site.parameter(name), site.value(0)
    if axis_of(parameter, x) != 1:
        raise Inexpressible("its softmax is not over the channels", parameter.place("axis"))
    if len(x.sizes) > 1 and all(size == 1 for size in x.sizes[1:]):
        return site.vector(x)
    return site.features()
