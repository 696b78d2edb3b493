"""Fixes that insert new layers above the layer that needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netspec.check import Checked, LayerFacts
from netspec.diagnostics import Diagnostic, Edit
from netspec.diagnostics.fixes import insertion, removal
from netspec.ir.shape import Shape
from netspec.language.syntax import Values
from netspec.solve.trial import Bench, Proposal


def projection(checked: Checked, facts: LayerFacts, n: int, target: Shape) -> Iterator[Proposal]:
    """Propose a 1x1 convolution that projects a shortcut to the shape that the layer needs (He et al., 2015, 3.3)."""
    pair, x = facts.pairs.get("inputs"), facts.reads[n]
    if pair is None or not isinstance(pair.value, Values) or not x.is_image or not target.is_image:
        return
    stride = max(1, round(x.height / target.height))
    keys = f"conv filters={target.channels} kernel=1" + (f" stride={stride}" if stride > 1 else "")
    keys += " rounding=down" if (x.height - 1) % stride or (x.width - 1) % stride else ""
    keys += " neuron=linear" if "neuron" in checked.settings.default_pairs.get("conv", {}) else ""
    name = f"{facts.name}_shortcut"
    line = f"[{name}] {keys} inputs={checked.layers[facts.inputs[n]].name}"
    above = _above(checked, facts, (name,), (line,))
    if above is not None:
        edits = (above, Edit(pair.value.items[n].span, name))
        yield Proposal(f"add {line}", edits, "projects the shortcut, as in ResNets")


def vector(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose to turn the maps that a loss reads into a vector of their means, with one number for each channel."""
    if len(facts.reads) != 1 or not facts.reads[0].is_image:
        return
    x, name, pair = facts.reads[0], facts.name, facts.pairs.get("inputs")
    names, lines = [f"{name}_flat"], [f"[{name}_flat] flatten"]
    if x[1:] != (1, 1):
        names, lines = [f"{name}_mean", *names], [f"[{name}_mean] avgpool kernel=global", *lines]
    if pair is not None:
        lines[0] += f" inputs={pair.value.span.text}"
    above = _above(checked, facts, names, lines)
    if above is not None:
        edits = (above,) if pair is None else (above, Edit(pair.value.span, names[-1]))
        yield Proposal(f"add {' and '.join(lines)} above", edits, f"gives {x.channels} numbers")


def own_layer(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Iterator[Proposal]:
    """Propose a layer of its own for other tools' activation ``softmax``, and for ``prelu``, unless other layers read
    this one by name."""
    checked, pair, section = bench.checked, facts.pairs.get("neuron"), facts.section
    read = [word for other in checked.file.sections for word in (other.body.inputs or ())]
    word = mistake.span.text.lower()
    names = {"softmax": "prob", "prelu": f"{facts.name}_act"}
    if pair is None or mistake.span != pair.value.span or word not in names:
        return
    name, root = names[word], section.span.source
    if section.name.text in read or checked.layer(name) is not None or root is not checked.texts.root:
        return
    end = root.text.find("\n", section.span.end) + 1 or len(root.text)
    line_break = "" if root.text[:end].endswith("\n") else root.newline
    line = insertion(root, end, f"{line_break}[{name}] {word}{root.newline}")
    yield Proposal(f"add [{name}] {word} below", (removal(pair.span), line))


def _above(checked: Checked, facts: LayerFacts, names: Sequence[str], lines: Sequence[str]) -> Edit | None:
    """Return the edit that inserts lines above a layer, or ``None`` if a name is taken or the layer is inherited."""
    span, taken = facts.section.span, {other.name for other in checked.layers}
    if taken.intersection(names) or span.source is not checked.texts.root:
        return None
    return insertion(span.source, span.start, "".join(f"{line}{span.source.newline}" for line in lines))
