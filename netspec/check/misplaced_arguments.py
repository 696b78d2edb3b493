"""Arguments that are written as keys of the line: ``train lr=0.1 momentum=0.9``, ``train schedule=step every=30``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.check.continued import arguments_as_keys
from netspec.check.report import Findings, with_space_before
from netspec.diagnostics import Edit, Fix
from netspec.keys import Key
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Pair, Value, Word
from netspec.setting_keys import Optimizer

OPTIMIZER = "optimizer"


def report_optimizer_arguments(
    pairs: Mapping[str, Pair], keys: Mapping[str, Key], owner: str, findings: Findings
) -> frozenset[str]:
    """Report unknown keys that are, or resemble, arguments of the optimizer, in one mistake. Return these keys."""
    kind = keys[OPTIMIZER].kind if OPTIMIZER in keys else None
    if not isinstance(kind, Optimizer):
        return frozenset()
    arguments = {
        word: argument
        for word in pairs
        if word not in keys and (argument := _argument(word, kind, keys, findings)) is not None
    }
    if not arguments:
        return frozenset()
    misplaced = [pairs[word] for word in arguments]
    optimizer = pairs.get(OPTIMIZER)
    written = _written(kind, optimizer)
    values = {**written, **{argument: shown(pairs[word].value) for word, argument in arguments.items()}}
    merged = f"{OPTIMIZER}=sgd({', '.join(f'{name}={value}' for name, value in values.items())})"
    findings.add(
        "unknown-key",
        _message(arguments, owner),
        *(pair.key.span for pair in misplaced),
        notes=(f"{merged}; omitted arguments keep their defaults",),
        fixes=_fixes(merged, written, optimizer, misplaced, list(arguments.values())),
    )
    return frozenset(arguments)


def report_arguments(
    pairs: Sequence[Pair], keys: Mapping[str, Key], owner: str, findings: Findings, layer: str
) -> frozenset[str]:
    """Report unknown keys that are arguments of the value before them. Return them, and the keys of these values."""
    reported: set[str] = set()
    for value, arguments in arguments_as_keys(pairs, keys):
        words = {pair.key.text: name for name, pair in arguments.items()}
        message = _not_keys(_with_names(words), value.value.partition("(")[0], owner)
        spans = [pair.key.span for pair in arguments.values()]
        findings.add("unknown-key", message, *spans, fixes=(value.fix,), layer=layer)
        reported |= {value.key, *words}
    return frozenset(reported)


def _argument(word: str, kind: Optimizer, keys: Mapping[str, Key], findings: Findings) -> str | None:
    """Return the optimizer's argument that a word names or, if it is like no key, resembles."""
    if word in kind.numbers:
        return word
    return None if findings.nearest(word, keys) else findings.nearest(word, kind.numbers)


def _message(arguments: Mapping[str, str], owner: str) -> str:
    (word, argument), *others = arguments.items()
    if others or word == argument:
        return _not_keys(_with_names(arguments), OPTIMIZER, owner)
    return f"{owner} has no key '{word}'; did you mean {argument}, an argument of {OPTIMIZER}?"


def _with_names(arguments: Mapping[str, str]) -> list[str]:
    """Return words with the names of the arguments that they mean, if these differ."""
    return [word if word == argument else f"{word} ({argument})" for word, argument in arguments.items()]


def _not_keys(words: Sequence[str], value: str, owner: str) -> str:
    *others, last = words
    if others:
        return f"{', '.join(others)} and {last} are arguments of {value}, not keys of {owner}"
    return f"{last} is an argument of {value}, not a key of {owner}"


def _written(kind: Optimizer, optimizer: Pair | None) -> dict[str, str]:
    """Return the arguments in the optimizer's brackets by name."""
    call = optimizer.value if optimizer is not None else None
    if not isinstance(call, Call):
        return {}
    positional = dict(zip(kind.numbers, map(shown, call.args), strict=False))
    return positional | {pair.key.text: shown(pair.value) for pair in call.named}


def _fixes(
    merged: str, written: Mapping[str, str], optimizer: Pair | None, misplaced: Sequence[Pair], arguments: Sequence[str]
) -> tuple[Fix, ...]:
    """Return the fix that moves the misplaced keys into the optimizer's brackets.

    There is none if an argument is given twice, if the optimizer is not known, or if the line is put together from
    several texts.
    """
    given = [*written, *arguments]
    is_sgd = optimizer is None or isinstance(optimizer.value, Word) or _name(optimizer.value) == "sgd"
    kept = optimizer or misplaced[0]
    removed = [pair for pair in misplaced if pair is not kept]
    if not is_sgd or len(set(given)) < len(given) or any(p.span.source is not kept.span.source for p in removed):
        return ()
    return (Fix(f"write {merged}", (Edit(kept.span, merged), *(Edit(with_space_before(p.span), "") for p in removed))),)


def _name(value: Value) -> str:
    return value.name.text if isinstance(value, Call) else ""
