"""Operations that join several values or only reshape one, and softmax."""

from __future__ import annotations

from netspec.ir.ops import Concat, Flatten, Max, Product, Reshape, Softmax, Sum

from ..site import Site, Table


def _concat(op: Concat, site: Site) -> None:
    """With groups, split every input: the output is group 0 of all inputs, then group 1 of all inputs, and so on."""
    if op.groups == 1:
        site.result("Concat", *site.node.inputs, axis=1)
        return
    cut = [site.split(x, op.groups) for x in site.node.inputs]
    site.result("Concat", *(part for group in zip(*cut, strict=True) for part in group), axis=1)


def _product(op: Product, site: Site) -> None:
    """Multiply from left to right. A vector that multiplies the maps of an image becomes an image of one pixel."""
    product, *others = (
        site.inner("Reshape", x, site.sizes("size", 0, shape.units, 1, 1)) if widened else x
        for x, shape, widened in zip(site.node.inputs, site.shapes, op.widened(site.shapes), strict=True)
    )
    for other in others[:-1]:
        product = site.inner("Mul", product, other)
    site.result("Mul", product, others[-1])


TABLE: Table = {
    Concat: _concat,
    Sum: lambda op, site: site.result("Sum", *site.node.inputs),
    Max: lambda op, site: site.result("Max", *site.node.inputs),
    Product: _product,
    Flatten: lambda op, site: site.result("Flatten", site.x),
    Reshape: lambda op, site: site.result("Reshape", site.x, site.sizes("size", 0, *op.size)),
    Softmax: lambda op, site: site.result("Softmax", site.x, axis=1),
}
