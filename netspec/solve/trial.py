"""Try changes: apply one, check the whole file again, and compare the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from netspec.check import Checked, LayerFacts, check, check_file
from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.ir.shape import Shape
from netspec.units import plural

MOST_LAYERS = 40_000
"""How many layers may be checked over all trials for one file: a second or two of work."""

OF_A_TRIAL = 30
"""The fixed cost of a trial, in layers."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that might fix a mistake.

    ``gives`` describes its effect, as far as it is known before the trial. ``cause`` is the earlier layer whose window
    it changes, if it does.
    """

    title: str
    edits: tuple[Edit, ...]
    gives: str = ""
    spelling: bool = False
    cause: LayerFacts | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A fix that works, and the indices of the layers in which it reveals mistakes."""

    fix: Fix
    come: tuple[int, ...]

    @property
    def rank(self) -> tuple[int, int]:
        """A sort key, smaller for better fixes: those that reveal few mistakes, and far below."""
        return len(self.come), -min(self.come, default=0)


KeepGoing = Callable[[], bool]
"""Called before each trial; returns ``False`` if the result is no longer needed."""


def always() -> bool:
    """The default of ``KeepGoing``: never stop."""
    return True


class Bench:
    """Tries changes of one file, within a budget and as long as ``keep_going`` returns ``True``."""

    def __init__(self, checked: Checked, input_shape: Shape | None, keep_going: KeepGoing = always) -> None:
        self.checked = checked
        self.input_shape = input_shape
        self._keep_going = keep_going
        self._errors = Counter(map(_identity, checked.errors))
        self._all = Counter(map(_identity, checked.diagnostics))
        self._unseen = {
            facts.section.name.text: n for n, facts in enumerate(checked.layers) if facts.inputs and not facts.reads
        }
        self._left = MOST_LAYERS

    def checked_with(self, edits: Sequence[Edit], *, claims: bool = True) -> Checked | None:
        """Check the file with edits applied, and without its claims if ``claims`` is false.

        Returns ``None`` if the budget is spent or the result is no longer wanted.
        """
        cost = len(self.checked.file.sections) + OF_A_TRIAL
        if self._left < cost or not self._keep_going():
            return None
        self._left -= cost
        texts = self.checked.texts.edited(edits)
        if claims:
            return check(texts, self.input_shape, self.checked.cache)
        file = texts.file()
        bare = replace(file, sections=tuple(section.without_claim() for section in file.sections))
        return check_file(bare, self.input_shape, texts, self.checked.cache)

    def fix(self, proposal: Proposal, mistake: Diagnostic) -> Tried | None:
        """Try a proposal, and return it as a fix if the mistake is gone with it and no new one occurs.

        New mistakes are accepted in layers that could not be checked before because their inputs were not known, and
        after correcting the spelling of a word. A mistake in a variant is fixed in the variant; a proposal that changes
        a file it starts from is rejected.
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
    """Describe what a check finds after a change. ``come`` are the layers of errors that could not be found before."""
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
