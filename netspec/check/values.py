"""Read the keys of a statement: report unknown and repeated ones, and read their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from netspec import layers
from netspec.check.continued import in_brackets
from netspec.check.misplaced_arguments import OPTIMIZER, report_arguments, report_optimizer_arguments
from netspec.check.miswritten_claims import count_of, meant
from netspec.check.other_tools.augmentations import keys_of_transform
from netspec.check.other_tools.cut_off import cut_off
from netspec.check.other_tools.keys import coefficients_note, converted, translated_key
from netspec.check.report import Findings
from netspec.diagnostics import Edit, Fix, Label
from netspec.diagnostics.fixes import removal, replacement
from netspec.diagnostics.nearest import did_you_mean
from netspec.diagnostics.other_tools.keys import ABSENT_SETTINGS, STANDS_FOR, absent_key
from netspec.diagnostics.other_tools.words import plain_word
from netspec.keys import BadValue, Key, Padding
from netspec.keys.counts import OF_LAYER, OF_NETWORK
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Pair, Value, Values
from netspec.lowering import PerInput
from netspec.setting_keys import SETTINGS


def pairs_by_key(
    pairs: Sequence[Pair], findings: Findings, layer: str = "", earlier: Mapping[str, Pair] = MappingProxyType({})
) -> dict[str, Pair]:
    """Return the pairs by key. Report keys that are repeated or in ``earlier``; their first value holds."""
    by_key: dict[str, Pair] = {}
    for pair in pairs:
        first = by_key.get(pair.key.text) or earlier.get(pair.key.text)
        if first is not None:
            findings.add(
                "duplicate-key",
                f"{pair.key.text} is given twice",
                pair.span,
                labels=(Label(first.span, "first here"),),
                layer=layer,
            )
        else:
            by_key[pair.key.text] = pair
    return by_key


def read_pairs(
    pairs: Mapping[str, Pair],
    keys: Mapping[str, Key],
    owner: str,
    findings: Findings,
    layer: str = "",
    inputs: int = 1,
    continued_key: str | None = None,
) -> tuple[dict[str, Any], set[str]]:
    """Read pairs and report mistakes. Return the values that could be read, and the keys whose value could not.

    An unknown key counts as the known one that was most likely meant. ``owner`` is the layer type or setting, for
    messages; ``inputs`` is the layer's number of inputs. The value of ``continued_key`` is in pieces, which is reported
    already.
    """
    values: dict[str, Any] = {}
    reported, bad = set[str](), set[str]()
    if not pairs.keys() <= keys.keys():
        reported, bad = _report_arguments(pairs, keys, owner, findings, layer)
    for name, pair in pairs.items():
        key = keys.get(name)
        if name in reported:
            bad.add(name)
        elif key is None:
            near = _report_misplaced(pair, pairs, keys, owner, findings, layer)
            near = near or _report_unknown(pair, keys, owner, findings, layer)
            bad |= {near} if near else set()
        else:
            try:
                values[name] = _read_value(key, pair.value, inputs)
            except BadValue as error:
                bad.add(name)
                if stated := _as_claim(pair, owner):
                    message = f"{name}: {error.message}; a claim states it: {stated}"
                    findings.add("bad-value", message, error.span, fixes=(_claiming(pair, stated),), layer=layer)
                elif name != continued_key:
                    findings.bad_value(name, _with_replacement(error, pair, pairs, key, owner), layer)
    return values, bad & keys.keys()


def _with_replacement(error: BadValue, pair: Pair, pairs: Mapping[str, Pair], key: Key, owner: str) -> BadValue:
    """Return what is wrong with a value, with what would correct it, if anything suggests itself."""
    error.replacement = error.replacement or in_brackets(pair.value, key)
    if owner == "augment" and not error.replacement and (meant := _transform(pair, pairs)):
        error = BadValue(error.message + did_you_mean(meant), pair.span, replacement=meant)
    if error.replacement:
        error.replacement += "".join(f" {k}={text}" for k, text in error.companions if k not in pairs)
    return error


def _transform(pair: Pair, pairs: Mapping[str, Pair]) -> str | None:
    """Return the keys that say what a transform of another tool does, for a key whose value it is."""
    return keys_of_transform(pair.value, pairs.keys() - {pair.key.text}) if isinstance(pair.value, Call) else None


def _report_arguments(
    pairs: Mapping[str, Pair], keys: Mapping[str, Key], owner: str, findings: Findings, layer: str
) -> tuple[set[str], set[str]]:
    """Report unknown keys that are arguments of values. Return what is reported, and the keys of these values."""
    reported = set(report_optimizer_arguments(pairs, keys, owner, findings))
    bad = {OPTIMIZER} if reported else set()
    others = [pair for name, pair in pairs.items() if name not in reported]
    return reported | report_arguments(others, keys, owner, findings, layer), bad


def _read_value(key: Key, value: Value, inputs: int) -> Any:
    """Read the value of a key of a layer with this number of inputs. Raises ``BadValue``."""
    if key.per_input and inputs > 1 and isinstance(value, Values):
        if len(value.items) == inputs:
            return PerInput(tuple(key.kind.read(item) for item in value.items))
        if not isinstance(key.kind, Padding):
            raise BadValue(
                f"has {len(value.items)} values for {inputs} inputs; give one for each, or one for all", value.span
            )
    return key.kind.read(value)


def _report_misplaced(
    pair: Pair, pairs: Mapping[str, Pair], keys: Mapping[str, Key], owner: str, findings: Findings, layer: str
) -> str | None:
    """Report an unknown key that belongs elsewhere on the line, and return the key that it belongs to."""
    word, value, layer_type = pair.key.text, shown(pair.value), layers.find(owner)
    if owner == "deconv" and plain_word(word) == "outputpadding" and (fix := _less_cut_off(pair, pairs)):
        message = f"{owner} has no key '{word}'; did you mean {fix.edits[0].text}?"
        notes = filter(None, (absent_key(word, owner),))
        findings.add("unknown-key", message, pair.key.span, notes=notes, fixes=(fix,), layer=layer)
        return "pad"
    translation = translated_key(owner, pair)
    if translation is None and layer_type:
        translation = converted(pair, keys)
    if translation is not None and (key := translation.partition("=")[0]) not in pairs:
        message = f"{owner} has no key '{word}'" + (f"; did you mean {translation}?" if key else "")
        fix = replacement(pair.span, translation)
        if not key:
            fix = Fix(f"leave out {shown(pair)}", (removal(pair.span),))
        about = absent_key(word, owner) if layer_type else ABSENT_SETTINGS.get(plain_word(word))
        notes = filter(None, (about or (None if key else "a spec says nothing of this kind"),))
        findings.add("unknown-key", message, pair.key.span, notes=notes, fixes=(fix,), layer=layer)
        return key or word
    if layer_type is None or layer_type.operand is None or layer_type.operand.name != word:
        return None
    message = f"the {word} of {owner} is written without a key"
    note = f"it is written after the type: {owner} {value}" + (f"; or --input {value}" if owner == "input" else "")
    fixes = (replacement(pair.span, value),)
    findings.add("unknown-key", message, pair.key.span, notes=(note,), fixes=fixes, layer=layer)
    return word


def _less_cut_off(added: Pair, pairs: Mapping[str, Pair]) -> Fix | None:
    """Return a fix that writes PyTorch's ``output_padding`` as a part of ``pad``; ``None`` if a number is not one."""
    given = {name: shown(pair.value) for name, pair in pairs.items()}
    pad = pairs.get("pad") or pairs.get("padding")
    if pad is not None:
        given["pad"] = shown(pad.value)
    keys = cut_off("ConvTranspose2d", given, added)
    if "pad" not in keys:
        return None
    text = f"pad={keys['pad']}"
    if pad is None:
        return Fix(f"write {text}", (Edit(added.span, text),))
    return Fix(f"write {text}", (Edit(pad.span, text), removal(added.span)))


def _report_unknown(pair: Pair, keys: Mapping[str, Key], owner: str, findings: Findings, layer: str) -> str | None:
    """Report an unknown key, with the types that have it. Return the key of this type that it is near to or stands
    for."""
    word, is_layer = pair.key, layers.find(owner)
    absent = absent_key(word.text, owner, shown(pair.value)) if is_layer else ABSENT_SETTINGS.get(plain_word(word.text))
    absent = absent or coefficients_note(word.text, keys)
    near = None if absent else findings.nearest(word.text, keys)
    if near is None and (stated := _as_claim(pair, owner)):
        message = f"{owner} has no key '{word.text}'; a claim states it: {stated}"
        findings.add("unknown-key", message, pair.span, fixes=(_claiming(pair, stated),), layer=layer)
        return None
    others = [layer_type.name for layer_type in layers.all_types() if layer_type.key(word.text)]
    others = (others if is_layer else _settings_with(word.text)) or others
    if others and word.text != near:
        whose = ", ".join(others[:4]) + (" and others" if len(others) > 4 else "")
        message = f"{word.text} is a key of {whose}, not of {owner}"
    else:
        message = f"{owner} has no key '{word.text}'"
    notes = () if near else (absent or list_keys(keys, owner),)
    findings.add(
        "unknown-key",
        message + did_you_mean(near),
        word.span,
        notes=notes,
        fixes=(replacement(word.span, near, keys),) if near else (),
        layer=layer,
    )
    stands_for = STANDS_FOR.get(plain_word(word.text))
    return stands_for if absent and stands_for in keys else near


def _as_claim(pair: Pair, owner: str) -> str | None:
    """Return the claim that a key without an arrow before it was meant as; ``None`` if it is no count."""
    known = OF_NETWORK if owner == "net" else OF_LAYER if layers.find(owner) else {}
    name, count = count_of(pair)
    key = meant(name, known)
    return f"-> {key}={count}" if key and count else None


def _claiming(pair: Pair, stated: str) -> Fix:
    return Fix(f"write {stated}", (Edit(pair.span, stated),))


def _settings_with(key: str) -> list[str]:
    """Return the settings that have a key."""
    return [word for word, setting in SETTINGS.items() if key in {known.name for known in setting.keys}]


def list_keys(keys: Mapping[str, Key], owner: str) -> str:
    """List the keys for a message; for keys that only affect training, refer to ``netspec explain``."""
    names = [name for name, key in keys.items() if not key.training_only]
    if not names:
        return f"{owner} has no keys"
    more = f"; for those of training see netspec explain {owner}" if len(names) < len(keys) else ""
    return f"the keys of {owner}: {', '.join(names)}{more}"
