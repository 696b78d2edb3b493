"""Weight constraints, as the keys ``wball``, ``wcNormMin`` and ``wcNormMax``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from netspec.importers.cuda_convnet.learning.constraints import norm_key, norm_of, std_of
from netspec.ir.constraint import BOUNDS, FREE, Constraint, incoming
from netspec.ir.graph import Parameter
from netspec.units import literal

from .sections import listed
from .site import Site


def constraints(site: Site, type_: str, weights: Sequence[Parameter]) -> dict[str, str]:
    """Return the keys that constrain a section's weight matrices, and warn of constraints that are left out.

    ``weights`` holds the parameter of each matrix, one per input of the section.
    """
    owned = [w for w in weights if w.layer == site.layer.name and w.constraint]
    for message, keys in dict.fromkeys(told for w in owned for told in _unsaid(site, type_, w, weights)):
        site.draft.problems.left_out(site.layer.name, message, *keys)
    held = [_sayable(site, type_, w, weights) for w in weights]
    norms = [bound for c in held for bound in (c.max_norm or c.fixed_norm,)]
    of = {
        "wball": (norms, norm_of(site.draft.dialect)),
        "wcNormMin": ([c.min_std for c in held], std_of),
        "wcNormMax": ([c.max_std for c in held], std_of),
    }
    return {
        key: listed(_value(bound, w, rule) for bound, w in zip(bounds, weights, strict=True))
        for key, (bounds, rule) in of.items()
        if any(bound is not None for bound in bounds)
    }


def _unsaid(
    site: Site, type_: str, w: Parameter, weights: Sequence[Parameter]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield a message for each bound of a weight that the files cannot express, with the spec's keys of the bound."""
    bounds = w.constraint
    if weights.count(w) > 1:
        why = "in cuda-convnet its weights are several matrices, each of which would be held to them by itself"
        yield f"its bounds are left out: {why}", BOUNDS
        return
    can = norm_key(type_, site.draft.dialect)
    other = "max_norm" if can == "fixed_norm" else "fixed_norm"
    if getattr(bounds, other) is not None:
        version = "cuda-convnet of 2012" if site.draft.old else "version 2 of cuda-convnet"
        does = (
            "scales weights that are too long, and no others" if can == "max_norm" else "scales all weights to a length"
        )
        yield f"{version} {does}, in {type_}; {other} is left out", (other,)
    elif bounds.fixed_norm is not None and type_ == "sfc" and bounds.parts == 1:
        message = "sfc holds the weights of all its parts together, which is norm_over=parts; fixed_norm is left out"
        yield message, ("fixed_norm",)
    if (bounds.min_std is not None or bounds.max_std is not None) and type_ != "conv":
        yield "cuda-convnet holds the deviation of weights in conv alone; it is left out", ("min_std", "max_std")
    elif bounds.min_std is not None and bounds.max_std is None:
        yield "wcNormMin has no effect without wcNormMax; min_std is left out without a max_std", ("min_std",)


def _sayable(site: Site, type_: str, w: Parameter, weights: Sequence[Parameter]) -> Constraint:
    """Return the bounds of a weight that the files can express."""
    bounds = w.constraint
    if w.layer != site.layer.name or weights.count(w) > 1:
        return FREE
    can = norm_key(type_, site.draft.dialect)
    stds = (bounds.min_std, bounds.max_std) if type_ == "conv" and bounds.max_std is not None else (None, None)
    norm = getattr(bounds, can) if type_ != "sfc" or bounds.parts > 1 else None
    return Constraint(norm, None, *stds) if can == "max_norm" else Constraint(None, norm, *stds)


def _value(bound: float | None, w: Parameter, rule: Callable[[float, int], float]) -> str:
    """Return the shortest number that ``rule``, the importer's, converts to the bound; 0 for no bound.

    The rule maps a file's number and a unit's number of inputs to the bound.
    """
    if bound is None:
        return "0"
    reads = math.prod(w.shape[axis] for axis in incoming(w.shape))
    near = bound / rule(1.0, reads)
    near *= bound / rule(near, reads)
    short = (float(f"{near:.{digits}g}") for digits in range(1, 18))
    return literal(next((value for value in short if rule(value, reads) == bound), near))
