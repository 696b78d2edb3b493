"""Other roundings, of a layer or of the whole network."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check import Checked, LayerFacts
from netspec.ir.window import Rounding, Window
from netspec.solve.edits import propose_keys, set_setting
from netspec.solve.trial import Proposal
from netspec.solve.windows.sizes import layer_window, output_text, tiles

_COMPUTED_BY = {"up": "as cuda-convnet computed it", "down": "as PyTorch computes it", "caffe": "as Caffe computes it"}


def changed(checked: Checked, facts: LayerFacts, window: Window, to: Rounding) -> Proposal:
    """Propose another rounding, for the layer if it has its own, or else for the whole network."""
    gives = _gives(facts, window, to)
    if "rounding" in facts.pairs:
        return propose_keys(checked, facts, {"rounding": to}, gives)
    return Proposal(f"net rounding={to}", (set_setting(checked, "net", "rounding", to),), gives)


def as_caffe(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose Caffe's rounding for the whole network, if it may differ from both up and down.

    It does if neither convolutions nor pooling tile, or if the input of a pooling layer is not known yet.
    """
    kinds = {w.kind for f in checked.layers if (w := layer_window(f)) is not None and not tiles(f)}
    unknown_kinds = {"pool" for f in checked.layers if f.type is not None and f.type.endswith("pool") and not f.reads}
    if len(kinds | unknown_kinds) > 1 and window.rounding != "caffe" and "rounding" not in facts.pairs:
        yield changed(checked, facts, window, "caffe")


def of_layer(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose another rounding for this layer alone, if it does not have its own yet."""
    if "rounding" in facts.pairs:
        return
    others: tuple[Rounding, ...] = ("up", "down")
    for other in others:
        if other != window.rounding:
            yield propose_keys(checked, facts, {"rounding": other}, _gives(facts, window, other))


def _gives(facts: LayerFacts, window: Window, to: Rounding) -> str:
    size = output_text(window.with_rounding(to), facts.reads[0])
    return f"gives {size} {_COMPUTED_BY[to]}" if size else ""
