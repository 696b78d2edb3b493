"""Try changes: apply one, check the whole file again, and compare the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netspec.check import Checked, LayerFacts, check, check_file
from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.formatting import plural
from netspec.ir.shape import Shape

MAX_LAYERS = 40_000
"""How many layers may be checked over all trials for one file: a second or two of work."""

_NETWORK = "the network"
"""Where the claims of the ``net`` line are refuted."""

TRIAL_COST = 30
"""The fixed cost of a trial, in layers."""

MISTAKE_COST = 3
"""What each mistake of the file costs a trial, in layers: it is found again, and its fixes are made."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that might fix a mistake.

    ``gives`` describes its effect, as far as it is known before the trial. ``cause`` is the earlier layer whose window
    it changes, if it does. ``nearby_size`` marks one of the many input sizes that are tried in turn.
    """

    title: str
    edits: tuple[Edit, ...]
    gives: str = ""
    spelling: bool = False
    cause: LayerFacts | None = None
    nearby_size: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """A fix that works, and the indices of the layers in which it reveals mistakes."""

    fix: Fix
    revealed: tuple[int, ...]
    gives: str
    """What its proposal says of its effect."""
    after: Checked
    """The check of the file with it."""

    @property
    def rank(self) -> tuple[int, int]:
        """A sort key, smaller for better fixes: those that reveal few mistakes, and far below."""
        return len(self.revealed), -min(self.revealed, default=0)


KeepGoing = Callable[[], bool]
"""Called before each trial; returns ``False`` if the result is no longer needed."""


def always() -> bool:
    """The default of ``KeepGoing``: never stop."""
    return True


class Budget:
    """How many layers may still be checked."""

    def __init__(self) -> None:
        self.left = MAX_LAYERS


class Bench:
    """Tries changes of one file, within a budget and as long as ``keep_going`` returns ``True``."""

    def __init__(self, checked: Checked, input_shape: Shape | None, keep_going: KeepGoing = always) -> None:
        self.checked = checked
        self.input_shape = input_shape
        self._keep_going = keep_going
        self._error_counts = Counter(map(_identity, checked.errors))
        self._counts = Counter(map(_identity, checked.diagnostics))
        self._unchecked = {facts.name: n for n, facts in enumerate(checked.layers) if facts.inputs and not facts.reads}
        if checked.graph is None and not any(_place(error) == _NETWORK for error in checked.errors):
            self._unchecked[_NETWORK] = len(checked.layers)
        self._budget = Budget()

    def checked_with(self, edits: Sequence[Edit], *, claims: bool = True) -> Checked | None:
        """Check the file with edits applied, and without its claims if ``claims`` is false.

        Returns ``None`` if the budget is spent or the result is no longer wanted.
        """
        cost = len(self.checked.file.sections) + TRIAL_COST + MISTAKE_COST * len(self.checked.errors)
        if self._budget.left < cost or not self._keep_going():
            return None
        self._budget.left -= cost
        texts = self.checked.texts.edited(edits)
        if claims:
            return check(texts, self.input_shape, self.checked.cache)
        return check_file(texts.file().without_claims(), self.input_shape, texts, self.checked.cache)

    def fix(self, proposal: Proposal, mistake: Diagnostic, after: Checked | None = None) -> Tried | None:
        """Try a proposal, and return it as a fix if the mistake is gone with it and no new one occurs.

        ``after`` is the check of the file with it, if that is known already.

        New mistakes are accepted in layers that could not be checked before because their inputs were not known, or
        because of the syntax, in the claims of a network that had mistakes elsewhere, and after correcting the spelling
        of a word. A mistake in a variant is fixed in the
        variant; a proposal that changes a file it starts from is rejected.
        """
        root = self.checked.texts.root
        if any(edit.span.source is not root for edit in proposal.edits) and mistake.span.source is root:
            return None
        after = after or self.checked_with(proposal.edits)
        if after is None:
            return None
        if Counter(map(_identity, after.diagnostics))[_identity(mistake)] >= self._counts[_identity(mistake)]:
            return None
        revealed = [] if proposal.spelling else [_place(error) for error in self.new_errors(after)]
        places = self._unchecked | self._new_layers(after) if mistake.code == "syntax" else self._unchecked
        if not places.keys() >= set(revealed):
            return None
        outcome = _outcome(len(after.errors), revealed)
        effect = f"{proposal.gives}; {outcome}" if proposal.gives else outcome
        fix = Fix(proposal.title, proposal.edits, effect, not after.errors, proposal.spelling)
        return Tried(fix, tuple(places[layer] for layer in revealed), proposal.gives, after)

    def _new_layers(self, after: Checked) -> dict[str, int]:
        """Return the layers of another check that this one does not have, with their numbers."""
        return {facts.name: n for n, facts in enumerate(after.layers) if self.checked.layer(facts.name) is None}

    def new_errors(self, after: Checked) -> list[Diagnostic]:
        """Return the errors of another check that this one has not, or has less often."""
        known, new = Counter(self._error_counts), []
        for error in after.errors:
            if known[_identity(error)] <= 0:
                new.append(error)
            known[_identity(error)] -= 1
        return new

    def on(self, checked: Checked) -> Bench:
        """Return a bench for the file after changes, which uses up the same budget."""
        other = Bench(checked, self.input_shape, self._keep_going)
        other._budget = self._budget
        return other


def _place(error: Diagnostic) -> str:
    """Return the layer of an error, or what stands for it."""
    return _NETWORK if error.code == "claim-refuted" and not error.layer else error.layer


def _outcome(errors: int, revealed: Sequence[str]) -> str:
    """Describe the errors that remain after a change. ``revealed`` are the layers of those that are new."""
    if not errors:
        return "the whole network checks"
    if not revealed:
        return f"{plural(errors, 'other error')} {_verb('remain', errors)}"
    layers = list(dict.fromkeys(revealed))
    where = layers[0] if len(layers) == 1 else f"{layers[0]} and below"
    others = errors - len(revealed)
    text = f"{plural(len(revealed), 'error')} at {where} {_verb('come', len(revealed))} to light"
    return f"{text}; {plural(others, 'other')} {_verb('remain', others)}" if others else text


def _verb(verb: str, number: int) -> str:
    return verb if number > 1 else f"{verb}s"


def _identity(diagnostic: Diagnostic) -> tuple[str, str, str]:
    return diagnostic.code, diagnostic.layer, diagnostic.message
