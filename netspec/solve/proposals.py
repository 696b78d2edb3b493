"""Which changes might fix a mistake of each kind, the likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from netspec.check import Checked, LayerFacts
from netspec.diagnostics import Diagnostic
from netspec.solve import claims, inserted, joins, neurons, numbers, other_tools
from netspec.solve.channels_last import channels_first, colours_first
from netspec.solve.trial import Bench, Proposal
from netspec.solve.windows import enlarging, padding

_OF_FILE: Mapping[str, tuple[Callable[[Checked], Iterable[Proposal]], ...]] = {
    "crop-differs": (colours_first, numbers.crop),
    "kernel-too-large": (channels_first,),
}
"""Those that change a line of the whole file, by the mistake's code."""

_OF_LAYER: Mapping[str, tuple[Callable[[Checked, LayerFacts], Iterable[Proposal]], ...]] = {
    "kernel-too-large": (numbers.whole_map,),
    "needs-vector": (inserted.vector,),
    "window-outside-image": (padding.inside_image,),
    "nothing-left": (enlarging.without_pad,),
    "unknown-type": (other_tools.adaptive_window, other_tools.instance_norm),
    "missing-type": (other_tools.instance_norm,),
    "unknown-key": (other_tools.without_channels_read, other_tools.groups_of_size),
    "groups-do-not-divide": (numbers.divisible_numbers,),
    "slice-outside-value": (numbers.slice_within,),
    "table-mismatch": (numbers.table_fixes,),
    "linear-layers": (neurons.between_linear_layers,),
}
"""Those that follow from what is known of the mistake's layer."""

_OF_MISTAKE: Mapping[str, tuple[Callable[[Diagnostic, LayerFacts, Bench], Iterable[Proposal]], ...]] = {
    "bad-value": (padding.of_same, inserted.own_layer),
    "shapes-differ": (joins.of_branches,),
}
"""Those that also depend on what the mistake itself says."""


def has_proposals(mistake: Diagnostic) -> bool:
    """Whether fixes are sought: for all errors, and for warnings with fixes of their own or of their kind."""
    return mistake.severity == "error" or bool(mistake.fixes) or mistake.code in _OF_LAYER


def own(mistake: Diagnostic) -> list[Proposal]:
    """Return the fixes that the checker knows, as proposals."""
    return [Proposal(fix.title, fix.edits, spelling=fix.spelling) for fix in mistake.fixes]


def proposals(mistake: Diagnostic, bench: Bench) -> Iterator[Proposal]:
    """Yield changes that might fix a mistake: its own fixes, then those for mistakes of its kind.

    What would make a claim of the network true comes before its own fix, which corrects the claim.
    """
    checked = bench.checked
    if mistake.code == "claim-refuted":
        yield from claims.of_network(checked, mistake)
    yield from own(mistake)
    for of_file in _OF_FILE.get(mistake.code, ()):
        yield from of_file(checked)
    facts = checked.layer(mistake.layer) if mistake.layer else None
    if facts is None:
        return
    for of_layer in _OF_LAYER.get(mistake.code, ()):
        yield from of_layer(checked, facts)
    for of_mistake in _OF_MISTAKE.get(mistake.code, ()):
        yield from of_mistake(mistake, facts, bench)
