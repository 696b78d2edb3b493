"""Read a layer's statement on its own: its type, the values of its keys and its claim. Report each mistake once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from netspec import layers
from netspec.check.claims import read_claim
from netspec.check.known import Known, Reading
from netspec.check.meant import meant_type, where_type_should_be, whole_map, with_keys
from netspec.check.placement import check_group
from netspec.check.report import Findings, in_one, replacement
from netspec.check.statements import BAD, Settings
from netspec.check.values import distinct, keys_of, listed, read_pairs
from netspec.diagnostics import Label
from netspec.ir.fault import Fault
from netspec.ir.shape import Shape
from netspec.keys import BadValue
from netspec.keys.kind import shown
from netspec.language.syntax import Dims, Pair, Section, Value, Word
from netspec.lowering import LayerType


class Reader:
    """Reads the layers of a file under its settings."""

    def __init__(self, settings: Settings, findings: Findings, input_shape: Shape | None, known: Known) -> None:
        self.settings = settings
        self.findings = findings
        self.input_shape = input_shape
        self.known = known
        self._base: dict[str, tuple[dict[str, Any], frozenset[str]]] = {}

    @cached_property
    def _trial(self) -> Reader:
        """Another reader, with its own findings, to try out whether a statement has mistakes."""
        return Reader(self.settings, Findings(self.findings.root), self.input_shape, self.known)

    def read(self, section: Section, inputs: int) -> Reading:
        """Read a layer with this number of inputs. Equal statements without mistakes are read only once."""
        said = section.body.said
        if said:
            known = self.known.readings.get((said, inputs), lambda: self._faultless(section, inputs))
            if known is not None:
                return known
        return self._read(section, inputs)

    def _faultless(self, section: Section, inputs: int) -> Reading | None:
        """Read a statement, or return ``None`` if it has mistakes, which must be reported at each layer."""
        trial = self._trial
        reading = trial._read(Section(section.name, section.body, section.span), inputs)
        if not trial.findings.all:
            return reading
        trial.findings = Findings(section.span.source)
        return None

    def _read(self, section: Section, inputs: int) -> Reading:
        name = section.name.text
        shape, counts = read_claim(section.claim, self.findings, name)
        pairs = distinct(section.pairs, self.findings, name)
        found = None if section.broken else self._type(section)
        values = self._keys(section, found, pairs, inputs) if found else None
        return Reading(found, values, shape, counts)

    def _type(self, section: Section) -> LayerType | None:
        name = section.name.text
        word = section.values[0] if section.values else None
        if not isinstance(word, Word):
            span, note, fixes = where_type_should_be(section)
            self.findings.add("missing-type", f"{name} has no type", span, notes=(note,), fixes=fixes, layer=name)
            return None
        found = layers.find(word.text)
        if found is None:
            over_all = whole_map(word.text) if "kernel" not in section.body.keys else None
            if over_all:
                message = f"layer type '{word.text}' is unknown; did you mean {over_all}?"
                fixes = (replacement(word.span, over_all),)
                self.findings.add("unknown-type", message, word.span, fixes=fixes, layer=name)
                return None
            self.findings.unknown("unknown-type", "layer type", word, layers.names(), layer=name)
            return None
        stray = _stray(section, found)
        if stray:
            self._say_stray(stray, section, found)
        return found

    def _say_stray(self, stray: Sequence[Value], section: Section, found: LayerType) -> None:
        what = shown(stray[0]) + (f" ... {shown(stray[-1])}" if len(stray) > 1 else "")
        message = f"{found.name} does not take '{what}' without a key"
        fix = in_one(section.values[1:]) if found.operand else None
        meant = None if fix else with_keys(stray, section, found)
        if meant:
            message += f"; did you mean {meant.title.removeprefix('write ')}?"
            fix = meant
        keys = f"values are given as key=value; {listed(keys_of(found), found.name)}"
        self.findings.add(
            "stray-value",
            message,
            *(value.span for value in stray),
            notes=() if fix else (keys,),
            fixes=(fix,) if fix else (),
            layer=section.name.text,
        )

    def _say_wrong_type(self, section: Section, found: LayerType, meant: str, pair: Pair) -> None:
        type_span, key = section.values[0].span, pair.key.text
        other = layers.find(meant)
        known = other is not None and other.key(key) is not None
        lacking = f"{key} is a key of {meant}, not of {found.name}" if known else f"{found.name} has no key '{key}'"
        self.findings.add(
            "unknown-key",
            f"{lacking}; did you mean {meant}?",
            pair.key.span,
            notes=(f"{found.name}: {found.doc}",),
            labels=(Label(type_span, "this is another type"),),
            fixes=(replacement(type_span, meant),),
            layer=section.name.text,
        )

    def _keys(
        self, section: Section, found: LayerType, pairs: Mapping[str, Pair], inputs: int
    ) -> dict[str, Any] | None:
        """Return the values of all keys except ``inputs``, or ``None`` if one that is needed is not known."""
        name = section.name.text
        keys = keys_of(found)
        if meant := meant_type(found, pairs, keys):
            self._say_wrong_type(section, found, meant, next(pairs[key] for key in pairs if key not in keys))
            return None
        given, bad = read_pairs(pairs, keys, found.name, self.findings, name, inputs)
        defaults, unknown = self._defaults(found)
        values = {**defaults, **given}
        bad |= unknown - given.keys()
        if bad:
            harmless = {k.name: k.default for k in found.keys if k.name in bad and not (k.of_shape or k.required)}
            values.update(harmless)
            bad -= harmless.keys()
        if self.settings.groups is None and "gpu" in values:
            values["gpu"] = None
        missing = [key for key in found.keys if key.name not in values and key.name not in bad]
        # A value without a key, which is reported already, most likely belongs to a missing key.
        for key in missing if not _stray(section, found) else ():
            self.findings.add(
                "missing-key",
                f"{name} needs {key.name}=, {key.kind.doc}",
                section.values[0].span,
                notes=(f"{key.name}: {key.doc}",),
                layer=name,
            )
        operand = self._operand(section, found)
        if found.operand:
            values[found.operand.name] = operand
        if bad or missing or (found.operand and operand is None):
            return None
        try:
            check_group(values.get("gpu"), self.settings.groups or 1)
            if found.agree:
                found.agree(values)
        except Fault as fault:
            self.findings.fault(fault, name, section.values[0].span, pairs)
            return None
        values.pop("inputs", None)
        return values

    def _defaults(self, found: LayerType) -> tuple[dict[str, Any], frozenset[str]]:
        """Return the values of keys that a layer does not give, and the keys whose value could not be read."""
        known = self._base.get(found.name)
        if known is None:
            base = {key.name: key.default for key in found.keys if not key.required}
            base.update({k: v for k, v in self.settings.net.items() if k in base})
            base.update(self.settings.defaults.get(found.name, {}))
            known = base, frozenset(key for key, value in base.items() if value is BAD)
            self._base[found.name] = known
        return known

    def _operand(self, section: Section, found: LayerType) -> Any:
        if found.operand is None:
            return None
        if self.input_shape is not None:
            return self.input_shape
        if len(section.values) < 2 and found.operand.name in section.body.keys:
            return None  # it is given with a key, which is reported already
        if len(section.values) < 2:
            self.findings.add(
                "missing-value",
                f"{section.name.text} needs its {found.operand.name}, {found.operand.kind.doc}",
                section.values[0].span,
                layer=section.name.text,
            )
            return None
        first = section.values[1]
        if _stray(section, found) and not (isinstance(first, Dims) and len(first.values) == 3):
            return None  # a shape in pieces, 3 x 8 x 8, is reported already, and the first piece is no shape
        try:
            return found.operand.kind.read(first)
        except BadValue as error:
            self.findings.bad_value(found.operand.name, error, section.name.text)
            return None


def _stray(section: Section, found: LayerType) -> tuple[Value, ...]:
    """The values without a key that a layer's type does not take."""
    return section.values[2 if found.operand else 1 :]
