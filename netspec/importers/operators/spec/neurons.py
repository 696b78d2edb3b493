"""Activation functions."""

from __future__ import annotations

import math
from collections.abc import Callable

from netspec.importers.operators.graph.patterns import bounds, is_close
from netspec.importers.operators.spec.arithmetic import per_channel, power_of
from netspec.importers.operators.spec.lines import Site
from netspec.importers.operators.spec.naming import of_parameter
from netspec.importers.spec.limits import limited
from netspec.importers.spec.problem import Inexpressible


def neuron(word: str, **attributes: tuple[str, float]) -> Callable[[Site], None]:
    """Return the translation of a function. ``attributes`` are the function's arguments in a spec: for each, the
    attribute of the operator, and its default, which must be that of the spec."""

    def translate(site: Site) -> None:
        keys = {}
        for key, (attribute, default) in attributes.items():
            value = site.literal(site.get(attribute, default))
            if float(value) != default:
                keys[key] = value
        site.emit(word, site.x, keys)

    return translate


def clip(site: Site) -> None:
    """relu, relu6, or one of them between two lines ``linear``."""
    limits = bounds(site.model, site.node)
    if limits is None:
        raise Inexpressible("its limits are computed")
    x = site.x
    site.result(x.of(limited(site.draft, x.line, x.shape, limits, site.literal, site.node), x.shape))


def p_relu(site: Site) -> None:
    """prelu with a slope for each channel, or one for all. Slopes of an earlier line are that line's.

    In a group that was recognised, the slopes are the constants times ``sign``.
    """
    slopes, sign = site.needed_tensor(1), site.get("sign", 1.0)
    keys = {"shared": "yes"} if slopes.size == 1 < site.x.shape.channels else {}
    x = site.x if slopes.size == 1 else per_channel(site, site.x, slopes)[0]
    weight = {"weight": lambda: sign * slopes.values().reshape(-1)}
    value = site.emit("prelu", x, keys, arrays=weight, hint=of_parameter(slopes))
    site.draft.share(value.line, slopes, f"prelu {x.shape.channels} {keys} {sign}")


def leaky_relu(site: Site) -> None:
    """leakyrelu with a slope of at least 0."""
    if site.get("alpha", 0.01) < 0:
        raise Inexpressible("its slope is below 0")
    neuron("leakyrelu", slope=("alpha", 0.01))(site)


def selu(site: Site) -> None:
    """gamma elu(x) with its alpha, by default ONNX's in float32."""
    alpha, gamma = site.get("alpha", 1.67326319217681884765625), site.get("gamma", 1.05070102214813232421875)
    x = site.x.of(site.line("elu", site.x, {"alpha": site.literal(alpha)}, site.x.shape), site.x.shape)
    site.emit("linear", x, {"a": site.literal(gamma)})


def hard_sigmoid(site: Site) -> None:
    """max(0, min(1, alpha x + beta)): hardsigmoid of 6 alpha x + 6 beta - 3."""
    alpha, beta = float(site.get("alpha", 0.2)), float(site.get("beta", 0.5))
    x = site.x
    if not (is_close(site.model, alpha, 1 / 6) and is_close(site.model, beta, 0.5)):
        keys = {"a": site.literal(6 * alpha)}
        if 6 * beta != 3:
            keys["b"] = site.literal(6 * beta - 3)
        x = x.of(site.draft.new_line("linear", [x.line], keys, x.shape), x.shape)
    site.emit("hardsigmoid", x)


def gelu(site: Site) -> None:
    """gelu by the error function, or its approximation by tanh (Hendrycks & Gimpel, 2016, section 2):
    x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    x, draft = site.x, site.draft
    if site.get("approximate", "none") == "none":
        site.emit("gelu", x)
        return
    cube = draft.new_line("linear", [power_of(site, x, 3)], {"a": "0.044715"}, x.shape)
    inner = draft.new_line("sum", [x.line, cube], {}, x.shape)
    numbers = {"a": "0.5", "b": site.literal(math.sqrt(2 / math.pi))}
    half = draft.new_line("linear", [draft.new_line("tanh", [inner], numbers, x.shape)], {"b": "0.5"}, x.shape)
    site.result(x.of(draft.new_line("product", [x.line, half], {}, x.shape, origin=site.node), x.shape))


def swish(site: Site) -> None:
    """x sigmoid(alpha x), which is silu for alpha = 1."""
    if site.get("alpha", 1.0) != 1:
        raise Inexpressible("its alpha is not 1")
    site.emit("silu", site.x)


def celu(site: Site) -> None:
    """elu, for alpha = 1."""
    if site.get("alpha", 1.0) != 1:
        raise Inexpressible("its alpha is not 1")
    site.emit("elu", site.x)
