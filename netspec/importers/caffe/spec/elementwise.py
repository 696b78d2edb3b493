"""Functions of single numbers, and sums, products and maxima of values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from netspec.formatting import format_literal
from netspec.importers.caffe.learning.numbers import checked, literal
from netspec.importers.caffe.spec.lines import Site, Value, described
from netspec.importers.spec.limits import limited
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape


def function(word: str) -> Callable[[Site], None]:
    """Return the translation of a function without numbers."""

    def translate(site: Site) -> None:
        site.emit(word, site.x)

    return translate


def relu(site: Site) -> None:
    """relu, or leakyrelu with its slope."""
    parameter = site.parameter("relu_param")
    slope = parameter.real("negative_slope")
    if slope < 0:
        raise Inexpressible("its slope is below 0", parameter.place("negative_slope"))
    site.emit(
        "leakyrelu" if slope else "relu", site.x, {"slope": literal(parameter, "negative_slope")} if slope else {}
    )


def elu(site: Site) -> None:
    """elu."""
    parameter = site.parameter("elu_param")
    if parameter.real("alpha") < 0:
        raise Inexpressible("its alpha is below 0", parameter.place("alpha"))
    site.emit("elu", site.x, {"alpha": literal(parameter, "alpha")} if parameter.real("alpha") != 1 else {})


def swish(site: Site) -> None:
    """x sigmoid(beta x), which is silu for beta = 1."""
    parameter = site.parameter("swish_param")
    if parameter.real("beta") != 1:
        raise Inexpressible("its beta is not 1; a spec's silu is x / (1 + e^-x)", parameter.place("beta"))
    site.emit("silu", site.x)


def clip(site: Site) -> None:
    """relu6, between two lines ``linear`` unless its limits are 0 and 6."""
    parameter, x = site.parameter("clip_param"), site.x
    low, high = (float(literal(parameter, name)) for name in ("min", "max"))
    try:
        line = limited(site.draft, x.line, x.shape, (low, high), _nine_digits, site.layer)
    except Inexpressible as reason:
        raise Inexpressible(str(reason), parameter.place("min", "max")) from None
    site.result(x.of(line))


def _nine_digits(number: float) -> str:
    """Return a number as text with the digits that tell it from other float32."""
    return format_literal(float(f"{number:.9g}"))


def power(site: Site) -> None:
    """(shift + scale x)^power, for the powers 1, 2 and 1/2."""
    parameter, x = site.parameter("power_param"), site.x
    word = {1.0: None, 2.0: "square", 0.5: "sqrt"}.get(parameter.real("power"), "")
    if word == "":
        raise Inexpressible("its power is none of 1, 2 and 0.5", parameter.place("power"))
    scale, shift = parameter.real("scale"), parameter.real("shift")
    keys = {"a": literal(parameter, "scale")} if scale != 1 else {}
    keys |= {"b": literal(parameter, "shift")} if shift else {}
    if word is None:
        site.emit("linear", x, keys)
        return
    site.emit(word, _linear(site, x, keys))


def log(site: Site) -> None:
    """log_base(shift + scale x)."""
    parameter, x = site.parameter("log_param"), site.x
    base, scale = parameter.real("base"), parameter.real("scale")
    if base != -1 and (base <= 0 or base == 1):
        raise Rejected("its base is not above 0, or 1", parameter.place("base"))
    if scale != 1:
        x = _linear(site, x, {"a": literal(parameter, "scale")})
    shift = parameter.real("shift")
    natural = site.emit("log", x, {"a": literal(parameter, "shift")} if shift else {"a": "0"})
    if base != -1:
        value = x.of(site.draft.lines.index(natural))
        site.emit("linear", value, {"a": f"{1 / math.log(base):.9g}"})


def _linear(site: Site, x: Value, keys: dict[str, str]) -> Value:
    """Return a value after a x + b."""
    return x.of(site.draft.new_line("linear", [x.line], keys, x.shape)) if keys else x


def eltwise(site: Site) -> None:
    """The sum, with coefficients, the product or the maximum of values of the same shape."""
    parameter, values = site.parameter("eltwise_param"), site.values
    if len({value.sizes for value in values}) > 1:
        note = " and ".join(map(described, values))
        raise Rejected("its bottoms have different shapes", site.layer.record.place("bottom"), note)
    coefficients, operation = parameter.reals("coeff"), parameter.text("operation")
    if coefficients and len(coefficients) != len(values):
        raise Rejected(f"it has {len(values)} bottoms and {len(coefficients)} coeff", parameter.place("coeff"))
    if coefficients and operation == "PROD":
        raise Rejected("a product has no coeff", parameter.place("coeff"))
    if operation == "SUM":
        given = zip(coefficients, parameter.places("coeff"), strict=True)
        factors = [checked("coeff", number, place) for number, place in given] or [1.0] * len(values)
        values = [_times(site, value, factor) for value, factor in zip(values, factors, strict=True)]
    joined(site, {"SUM": "sum", "PROD": "product", "MAX": "max"}[operation], values)


def axpy(site: Site) -> None:
    """a x + y with a number for each channel in a, a layer of SENet's Caffe (src/caffe/layers/axpy_layer.cpp)."""
    a, x, y = site.value(0), site.image(1), site.image(2)
    if x.sizes != y.sizes or a.sizes not in ((x.shape.channels,), (x.shape.channels, 1, 1)):
        note = f"{described(a)}, {described(x)} and {described(y)}"
        raise Rejected("it takes a number for each channel and two maps", site.layer.record.place("bottom"), note)
    read = [x.line, site.vector(a).line]
    product = site.draft.new_line("product", read, {}, x.shape, hint=(f"{site.layer.name}_product",))
    joined(site, "sum", [x.of(product), y])


def _times(site: Site, value: Value, factor: float) -> Value:
    return _linear(site, value, {"a": f"{factor:.9g}"} if factor != 1 else {})


def joined(site: Site, type_: str, values: Sequence[Value]) -> None:
    """Join values of the same sizes. If their lines have different shapes, they become vectors."""
    if len({value.shape for value in values}) > 1:
        sizes = values[0].sizes
        if len(sizes) == 3:
            values = [site.with_shape(value, Shape(*sizes)) for value in values]
        else:
            values = [site.vector(value) for value in values]
    first = values[0]
    line = site.draft.new_line(type_, [v.line for v in values], {}, first.shape, origin=site.layer)
    site.result(first.of(line))
