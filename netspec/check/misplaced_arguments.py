"""Arguments that are written as keys of the line: ``train lr=0.1 momentum=0.9``, ``train schedule=step every=30``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from netspec.check.continued import arguments_as_keys
from netspec.check.report import Findings
from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.fixes import removal
from netspec.keys import BadValue, Key
from netspec.keys.calls import Argument, as_call
from netspec.keys.kind import shown
from netspec.keys.optimizers import Optimizer
from netspec.keys.other_rules import argument_meant, rule_meant
from netspec.keys.update_rules import OPTIMIZERS
from netspec.language.syntax import Pair, Value, Values

OPTIMIZER = "optimizer"


def report_optimizer_arguments(
    pairs: Mapping[str, Pair], keys: Mapping[str, Key], owner: str, findings: Findings
) -> frozenset[str]:
    """Report unknown keys that are, or resemble, arguments of the optimizer, in one mistake.

    Return these keys, and that of the optimizer if the mistake's fix corrects its word, too.
    """
    kind = keys[OPTIMIZER].kind if OPTIMIZER in keys else None
    if not isinstance(kind, Optimizer):
        return frozenset()
    optimizer = pairs.get(OPTIMIZER)
    written_rule = _rule(optimizer, ()) if optimizer is not None else None
    arguments = {
        word: argument
        for word in pairs
        if word not in keys and (argument := _argument(word, kind, written_rule, keys, findings)) is not None
    }
    if not arguments:
        return frozenset()
    misplaced = [pairs[word] for word in arguments]
    rule = _rule(optimizer, arguments.values())
    fixes: tuple[Fix, ...] = ()
    notes = _lacking(rule, arguments.values())
    texts = {argument: _text(argument, pairs[word].value, rule) for word, argument in arguments.items()}
    if rule is not None and None not in texts.values():
        written = _written(rule, optimizer)
        merged = f"{OPTIMIZER}={rule}({', '.join(f'{name}={value}' for name, value in (written | texts).items())})"
        notes = (f"{merged}; omitted arguments keep their defaults",)
        fixes = _fixes(merged, written, optimizer, misplaced, list(arguments.values()))
    spans = (pair.key.span for pair in misplaced)
    findings.add("unknown-key", _message(arguments, owner), *spans, notes=notes, fixes=fixes)
    return frozenset((*arguments, OPTIMIZER) if fixes and optimizer and _word(optimizer) != rule else arguments)


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


def _argument(word: str, kind: Optimizer, rule: str | None, keys: Mapping[str, Key], findings: Findings) -> str | None:
    """Return the optimizer's argument that a word names or, if it is like no key, resembles. ``rule`` is the written
    update rule, if it is known."""
    if word in kind.arguments:
        return word
    near = findings.nearest(word, keys)
    found = argument_meant(word, rule) if near in (None, OPTIMIZER) else None
    return found[1] if found is not None else None


def _word(optimizer: Pair) -> str:
    """Return the word of the optimizer as written; empty if its value has none."""
    call = as_call(optimizer.value)
    return call.name.text if call else ""


def _rule(optimizer: Pair | None, arguments: Iterable[str]) -> str | None:
    """Return the update rule: the written one, ``None`` if that is unknown; without one, the first that has these
    arguments."""
    if optimizer is not None:
        found = rule_meant(_word(optimizer))
        return found[0] if found else None
    return next((word for word in OPTIMIZERS if set(_signature(word)).issuperset(arguments)), "sgd")


def _signature(rule: str) -> dict[str, Argument]:
    return {argument.name: argument for argument in OPTIMIZERS[rule].arguments}


def _lacking(rule: str | None, arguments: Iterable[str]) -> tuple[str, ...]:
    """Return a note on arguments that belong to another rule, if there are some."""
    names = _signature(rule) if rule is not None else {}
    lacking = [argument for argument in arguments if argument not in names]
    return (f"{rule} has no {' and no '.join(lacking)}; it has {', '.join(names)}",) if lacking and rule else ()


def _text(argument: str, value: Value, rule: str | None) -> str | None:
    """Return the text of an argument's value, corrected if it is another tool's word, ``True``.

    ``None`` if the value is several, which would count as several arguments, or if the rule has no such argument.
    """
    definition = _signature(rule).get(argument) if rule is not None else None
    if definition is None:
        return None
    try:
        definition.kind.read(value)
    except BadValue as error:
        return error.replacement or (None if isinstance(value, Values) else shown(value))
    return shown(value)


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


def _written(rule: str, optimizer: Pair | None) -> dict[str, str]:
    """Return the arguments in the optimizer's brackets, or implied by its word, by name."""
    call = as_call(optimizer.value) if optimizer is not None else None
    if call is None:
        return {}
    _, implied = rule_meant(call.name.text) or (rule, {})
    positional = dict(zip(_signature(rule), map(shown, call.args), strict=False))
    return implied | positional | {pair.key.text: shown(pair.value) for pair in call.named}


def _fixes(
    merged: str, written: Mapping[str, str], optimizer: Pair | None, misplaced: Sequence[Pair], arguments: Sequence[str]
) -> tuple[Fix, ...]:
    """Return the fix that moves the misplaced keys into the optimizer's brackets.

    There is none if an argument is given twice, or if the line is put together from several texts.
    """
    given = [*written, *arguments]
    kept = optimizer or misplaced[0]
    removed = [pair for pair in misplaced if pair is not kept]
    if len(set(given)) < len(given) or any(p.span.source is not kept.span.source for p in removed):
        return ()
    return (Fix(f"write {merged}", (Edit(kept.span, merged), *(removal(p.span) for p in removed))),)
