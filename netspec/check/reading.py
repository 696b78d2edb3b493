"""Read a layer's statement on its own: its type, the values of its keys and its claim. Report each mistake once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netspec import layers
from netspec.check.cache import LayerCache, LayerStatement
from netspec.check.claims import read_claim
from netspec.check.continued import continued
from netspec.check.meant import meant_type, missing_type, with_keys
from netspec.check.other_tools.types import adaptive_pooling, elementwise, with_its_keys
from netspec.check.placement import check_group
from netspec.check.report import Findings, joined_size
from netspec.check.statements import BAD, Settings
from netspec.check.values import list_keys, pairs_by_key, read_pairs
from netspec.diagnostics import Edit, Fix, Label
from netspec.diagnostics.fixes import replacement
from netspec.ir.fault import Fault
from netspec.ir.shape import Shape
from netspec.keys import BadValue, Key
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Dims, Pair, Section, Value, Word
from netspec.lowering import LayerType

_ADAPTIVE = (
    "a pooling layer states its window: kernel=4, which is the stride too, makes 8x8 of a map of 32x32",
    "unless the map's sides are multiples of the output's, adaptive windows differ in size: binpool takes their means",
)


class Reader:
    """Reads the layers of a file under its settings."""

    def __init__(self, settings: Settings, findings: Findings, input_shape: Shape | None, cache: LayerCache) -> None:
        self.settings = settings
        self.findings = findings
        self.input_shape = input_shape
        self.cache = cache
        self._defaults_of_types: dict[str, tuple[dict[str, Any], frozenset[str]]] = {}

    def read(self, section: Section, inputs: int) -> LayerStatement:
        """Read a layer with this number of inputs. Equal statements without mistakes are read only once."""
        words = section.body.words
        known = self.cache.statements.find((words, inputs)) if words is not None else None
        if known is not None:
            return known
        mistakes = len(self.findings.all)
        statement = self._read(section, inputs)
        is_right = len(self.findings.all) == mistakes and not self.findings.full
        if words is not None and statement.type is not None and is_right:
            self.cache.statements.keep((words, inputs), statement)
        return statement

    def _read(self, section: Section, inputs: int) -> LayerStatement:
        name = section.name.text
        shape, counts = read_claim(section.claim, self.findings, name)
        pairs = pairs_by_key(section.pairs, self.findings, name)
        layer_type = None if section.broken else self._type(section)
        values = self._key_values(section, layer_type, pairs, inputs) if layer_type else None
        return LayerStatement(layer_type, values, shape, counts)

    def _type(self, section: Section) -> LayerType | None:
        name = section.name.text
        word = section.values[0] if section.values else None
        if isinstance(word, Call) and (adaptive := adaptive_pooling(section)) and adaptive.size != (1, 1):
            self._report_type_with_keys(word.name, adaptive.type, section)
            return None
        if not isinstance(word, Word):
            if not self.findings.has("duplicate-layer", section.name.span):  # then it needs another name, or none
                span, note, fixes = missing_type(section)
                self.findings.add("missing-type", f"{name} has no type", span, notes=(note,), fixes=fixes, layer=name)
            return None
        layer_type = layers.find(word.text)
        if layer_type is None:
            if translated := with_its_keys(word.text, section.body.keys):
                self._report_type_with_keys(word, translated, section)
                return None
            if meant := elementwise(section):
                message = f"layer type '{word.text}' is unknown; did you mean {meant[0]}?"
                self.findings.add("unknown-type", message, word.span, fixes=(meant[1],), layer=name)
                return None
            self.findings.unknown_type(word, section.body.keys, name)
            return None
        return layer_type

    def _report_type_with_keys(self, word: Word, meant: str, section: Section) -> None:
        """Report another tool's type that is one with keys here, such as global pooling.

        Adaptive pooling is global if its size is 1x1. Otherwise, the fix depends on the size of the map, and the solver
        finds it.
        """
        adaptive = adaptive_pooling(section)
        is_whole = adaptive is None or adaptive.size == (1, 1)
        whole = f"{adaptive.type} kernel=global" if adaptive is not None else meant
        edits = adaptive.written_as(whole) if adaptive is not None else (Edit(word.span, meant),)
        self.findings.add(
            "unknown-type",
            f"layer type '{word.text}' is unknown; did you mean {meant if is_whole else meant.split()[0]}?",
            word.span,
            notes=() if is_whole else _ADAPTIVE,
            fixes=(Fix(f"write {meant}", edits),) if is_whole else (),
            layer=section.name.text,
        )

    def _report_stray(self, stray: Sequence[Value], section: Section, layer_type: LayerType) -> str | None:
        """Report values without a key. Return the key whose value they continue, if there is one."""
        what = shown(stray[0]) + (f" ... {shown(stray[-1])}" if len(stray) > 1 else "")
        message = f"{layer_type.name} does not take '{what}' without a key"
        fix = joined_size(section.values[1:]) if layer_type.operand else None
        keys = layer_type.by_name
        key, meant = None, None if fix else with_keys(stray, section, layer_type)
        if not fix and not meant and (more := continued(stray, section.pairs, keys)):
            key, meant = more.key, more.fix
        if meant:
            message += f"; did you mean {meant.title.removeprefix('write ')}?"
            fix = meant
        note = f"values are given as key=value; {list_keys(keys, layer_type.name)}"
        self.findings.add(
            "stray-value",
            message,
            *(value.span for value in stray),
            notes=() if fix else (note,),
            fixes=(fix,) if fix else (),
            layer=section.name.text,
        )
        return key

    def _report_wrong_type(self, section: Section, layer_type: LayerType, meant: str, pair: Pair) -> None:
        type_span, key = section.values[0].span, pair.key.text
        other = layers.find(meant)
        message = f"{layer_type.name} has no key '{key}'"
        if other is not None and other.key(key) is not None:
            message = f"{key} is a key of {meant}, not of {layer_type.name}"
        self.findings.add(
            "unknown-key",
            f"{message}; did you mean {meant}?",
            pair.key.span,
            notes=(f"{layer_type.name}: {layer_type.doc}",),
            labels=(Label(type_span, "this is another type"),),
            fixes=(replacement(type_span, meant),),
            layer=section.name.text,
        )

    def _key_values(
        self, section: Section, layer_type: LayerType, pairs: Mapping[str, Pair], inputs: int
    ) -> dict[str, Any] | None:
        """Return the values of all keys except ``inputs``, or ``None`` if a required one is not known."""
        name = section.name.text
        keys = layer_type.by_name
        stray = _stray(section, layer_type)
        continued_key = self._report_stray(stray, section, layer_type) if stray else None
        if meant := meant_type(layer_type, pairs, keys):
            self._report_wrong_type(section, layer_type, meant, next(pairs[key] for key in pairs if key not in keys))
            return None
        given, bad = read_pairs(pairs, keys, layer_type.name, self.findings, name, inputs, continued_key)
        values, unknown = self._with_defaults(layer_type, given, bad)
        required = map(keys.__getitem__, layer_type.required)
        missing = [key for key in required if key.name not in values and key.name not in unknown]
        if not stray:  # stray values are reported already and most likely belong to missing keys
            self._report_missing(section, missing)
        operand = self._operand(section, layer_type)
        if layer_type.operand:
            values[layer_type.operand.name] = operand
        if unknown or missing or (layer_type.operand and operand is None):
            return None
        try:
            self._check_values(layer_type, values)
        except Fault as fault:
            self.findings.fault(fault, name, section.values[0].span, pairs)
            return None
        return values

    def _check_values(self, layer_type: LayerType, values: dict[str, Any]) -> None:
        """Check the values of a layer together, and leave out its inputs. Raises ``Fault``."""
        check_group(values.get("gpu"), self.settings.groups or 1)
        if layer_type.check_values:
            layer_type.check_values(values)
        values.pop("inputs", None)

    def _with_defaults(
        self, layer_type: LayerType, given: Mapping[str, Any], bad: set[str]
    ) -> tuple[dict[str, Any], set[str]]:
        """Add the defaults to the ``given`` values. ``bad`` are the given keys whose value could not be read.

        Returns the values, and the keys whose value is not known and matters: others get their default, so that the
        layer's shape can be computed in spite of the mistake.
        """
        defaults, unreadable = self._defaults(layer_type)
        values = {**defaults, **given}
        bad = bad | (unreadable - given.keys())
        if bad:
            harmless = {
                k.name: k.default for k in layer_type.keys if k.name in bad and not (k.affects_shape or k.required)
            }
            values.update(harmless)
            bad -= harmless.keys()
        if self.settings.groups is None and "gpu" in values:
            values["gpu"] = None
        return values, bad

    def _report_missing(self, section: Section, missing: Sequence[Key]) -> None:
        for key in missing:
            self.findings.add(
                "missing-key",
                f"{section.name.text} needs {key.name}=, {key.kind.doc}",
                section.values[0].span,
                notes=(f"{key.name}: {key.doc}",),
                layer=section.name.text,
            )

    def _defaults(self, layer_type: LayerType) -> tuple[dict[str, Any], frozenset[str]]:
        """Return the values of keys that a layer does not give, and the keys whose value could not be read."""
        cached = self._defaults_of_types.get(layer_type.name)
        if cached is None:
            values = {key.name: key.default for key in layer_type.keys if not key.required}
            values.update({k: v for k, v in self.settings.net.items() if k in values})
            values.update(self.settings.defaults.get(layer_type.name, {}))
            cached = values, frozenset(key for key, value in values.items() if value is BAD)
            self._defaults_of_types[layer_type.name] = cached
        return cached

    def _operand(self, section: Section, layer_type: LayerType) -> Any:
        if layer_type.operand is None:
            return None
        if self.input_shape is not None:
            return self.input_shape
        if len(section.values) < 2 and layer_type.operand.name in section.body.keys:
            return None  # it is given with a key, which is reported already
        if len(section.values) < 2:
            self.findings.add(
                "missing-value",
                f"{section.name.text} needs its {layer_type.operand.name}, {layer_type.operand.kind.doc}",
                section.values[0].span,
                layer=section.name.text,
            )
            return None
        first = section.values[1]
        if _stray(section, layer_type) and not (isinstance(first, Dims) and len(first.values) == 3):
            return None  # a shape in pieces, 3 x 8 x 8, is reported already, and the first piece is no shape
        try:
            return layer_type.operand.kind.read(first)
        except BadValue as error:
            self.findings.bad_value(layer_type.operand.name, error, section.name.text)
            return None


def _stray(section: Section, layer_type: LayerType) -> tuple[Value, ...]:
    """The values without a key that a layer's type does not take."""
    return section.values[2 if layer_type.operand else 1 :]
