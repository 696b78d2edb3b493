"""Which layers give the class scores and the output, if these are not the same layers in both networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netspec.diff.matched import Matched
from netspec.diff.model import Difference, Effect, LayerDifference, SettingDifference

_SCORES = "what the last loss reads, or else the last softmax, or else the output"


def end_differences(matched: Matched, layers: Iterable[LayerDifference]) -> Iterator[SettingDifference]:
    """Yield the class scores, or if these are the same the output, if layers that do not correspond give them, and no
    difference of ``layers`` but their place shows it.

    Each of these layers may be in both networks, for example where one of them, or the file of another program, has the
    scores of an auxiliary classifier at its end.
    """
    a, b = matched.forms
    ends: dict[Effect, tuple[str, str, str, str]] = {
        "function": ("class scores", a.scores.source[0], b.scores.source[0], _SCORES),
        "output": ("output", a.output.source[0], b.output.source[0], ""),
    }
    whole = matched.verdict.whole
    if whole not in ends or any(d.effect == whole and d.kind != "moved" for layer in layers for d in layer.differences):
        return
    key, x, y, note = ends[whole]
    if matched.pairs.get(x) != y and (x in matched.pairs or y in matched.pairs.values()):
        yield SettingDifference("net", Difference("changed", key, x, y, whole, note))
