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

    def fix(self, proposal: Proposal, mistake: Diagnostic) -> Fix | None:
        """The change as a fix, if with it the mistake is gone and no other has come.

        The right spelling of a word may bring out what could not be seen before.
        A variant's mistakes are mended in the variant: what it starts from is left as it is.
        """
        root = self.checked.texts.root
        if any(edit.span.source is not root for edit in proposal.edits) and mistake.span.source is root:
            return None
        after = self.checked_with(proposal.edits)
        if after is None:
            return None
        remaining = Counter(map(_identity, after.errors))
        gone = Counter(map(_identity, after.diagnostics))[_identity(mistake)] < self._all[_identity(mistake)]
        if not gone or (remaining - self._errors and not proposal.spelling):
            return None
        others = len(after.errors)
        result = (
            "the whole network checks" if not others else f"{plural(others, 'other error')} remain{'s'[others > 1 :]}"
        )
        effect = f"{proposal.gives}; {result}" if proposal.gives else result
        return Fix(proposal.title, proposal.edits, effect, not others, proposal.spelling)


def _identity(diagnostic: Diagnostic) -> tuple[str, str, str]:
    return diagnostic.code, diagnostic.layer, diagnostic.message
