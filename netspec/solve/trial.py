"""Trying a change: it is made, the whole file is checked again, and what comes out is compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from netspec.check import Checked, LayerFacts, check, check_file
from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.ir.shape import Shape
from netspec.units import plural

MOST_LAYERS = 40_000
"""How many layers are checked in search of fixes for one file, over all trials: a second's or two's worth."""

OF_A_TRIAL = 30
"""What a trial costs beside its layers, in layers."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that might mend a mistake. ``gives`` says what it does, as far as that is known beforehand; ``cause`` is
    the earlier layer whose window it gives another size."""

    title: str
    edits: tuple[Edit, ...]
    gives: str = ""
    spelling: bool = False
    cause: LayerFacts | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A fix that holds, and the numbers of the layers whose mistakes it brings to light."""

    fix: Fix
    come: tuple[int, ...]

    @property
    def rank(self) -> tuple[int, int]:
        """The less, the better: few mistakes come to light, and far below."""
        return len(self.come), -min(self.come, default=0)


Wanted = Callable[[], bool]
"""Asked before each trial whether anybody still waits for what comes out."""


def always() -> bool:
    """What is asked of a search that is never given up."""
    return True


class Bench:
    """Tries changes on one file, within a budget, and as long as that is wanted."""

    def __init__(self, checked: Checked, input_shape: Shape | None, wanted: Wanted = always) -> None:
        self.checked = checked
        self.input_shape = input_shape
        self._wanted = wanted
        self._errors = Counter(map(_identity, checked.errors))
        self._all = Counter(map(_identity, checked.diagnostics))
        self._unseen = {
            facts.section.name.text: n for n, facts in enumerate(checked.layers) if facts.inputs and not facts.reads
        }
        self._left = MOST_LAYERS

    def checked_with(self, edits: Sequence[Edit], *, claims: bool = True) -> Checked | None:
        """The file checked with a change made, without its claims if so asked; ``None`` once the budget is spent,
        or nobody wants to know."""
        cost = len(self.checked.file.sections) + OF_A_TRIAL
        if self._left < cost or not self._wanted():
            return None
        self._left -= cost
        texts = self.checked.texts.edited(edits)
        if claims:
            return check(texts, self.input_shape, self.checked.known)
        file = texts.file()
        bare = replace(file, sections=tuple(section.without_claim() for section in file.sections))
        return check_file(bare, self.input_shape, texts, self.checked.known)

    def fix(self, proposal: Proposal, mistake: Diagnostic) -> Tried | None:
        """The change as a fix, if with it the mistake is gone and no other has come but where nothing could be said
        before: in layers whose inputs were not known. The right spelling of a word may bring out others as well.

        A variant's mistakes are mended in the variant: what it starts from is left as it is.
        """
        root = self.checked.texts.root
        if any(edit.span.source is not root for edit in proposal.edits) and mistake.span.source is root:
            return None
        after = self.checked_with(proposal.edits)
        if after is None:
            return None
        gone = Counter(map(_identity, after.diagnostics))[_identity(mistake)] < self._all[_identity(mistake)]
        come = list((Counter(map(_identity, after.errors)) - self._errors).elements())
        if not gone or (not proposal.spelling and any(layer not in self._unseen for _, layer, _ in come)):
            return None
        result = _result(len(after.errors), [] if proposal.spelling else [layer for _, layer, _ in come])
        effect = f"{proposal.gives}; {result}" if proposal.gives else result
        fix = Fix(proposal.title, proposal.edits, effect, not after.errors, proposal.spelling)
        places = () if proposal.spelling else tuple(self._unseen[layer] for _, layer, _ in come)
        return Tried(fix, places)


def _result(errors: int, come: Sequence[str]) -> str:
    """What a check says after a change: so many errors, of which those of some layers could not be seen before."""
    if not errors:
        return "the whole network checks"
    if not come:
        return f"{plural(errors, 'other error')} remain{'s'[errors > 1 :]}"
    layers = list(dict.fromkeys(come))
    where = layers[0] if len(layers) == 1 else f"{layers[0]} and below"
    known = errors - len(come)
    seen = f"{plural(len(come), 'error')} at {where} come{'s'[len(come) > 1 :]} to light"
    return f"{seen}; {plural(known, 'other')} remain{'s'[known > 1 :]}" if known else seen


def _identity(diagnostic: Diagnostic) -> tuple[str, str, str]:
    return diagnostic.code, diagnostic.layer, diagnostic.message
