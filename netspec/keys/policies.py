"""The kind of ``policy=``, with its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netspec.diagnostics.other_tools.augmentations import TIMM_POLICY
from netspec.ir.settings import MOST_OPERATIONS, POLICY_LEVELS, RandAugment, TrivialAugment
from netspec.keys.calls import Argument, Form, known_call
from netspec.keys.kind import BadValue
from netspec.keys.numbers import Whole
from netspec.language.syntax import Value, Word

_USUAL = RandAugment()
_OPERATIONS = (
    "of the 14 operations identity, shearing and shifting in both directions, rotation, brightness, colour, contrast, "
    "sharpness, posterising, solarising, stretching of the contrast and equalisation"
)

POLICIES: Mapping[str, Form] = {
    "trivialaugment": Form(
        f"one {_OPERATIONS} is drawn for each image, and how strong it is, from 31 levels (Müller & Hutter 2021), as "
        "with torchvision's TrivialAugmentWide",
        make=TrivialAugment,
    ),
    "randaugment": Form(
        f"`count` {_OPERATIONS} are drawn for each image and done one after the other, all of the strength `magnitude` "
        "(Cubuk et al. 2020), as with torchvision's RandAugment",
        (
            Argument("count", Whole(1, MOST_OPERATIONS), _USUAL.count),
            Argument("magnitude", Whole(0, POLICY_LEVELS - 1), _USUAL.magnitude),
        ),
        RandAugment,
    ),
    "none": Form("no such operations"),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The kind of ``policy=``. It is read as an ``ir.settings.TrivialAugment`` or ``RandAugment``, or as ``None``."""

    forms: ClassVar = POLICIES
    words: tuple[str, ...] = tuple(POLICIES)
    doc: str = "trivialaugment, randaugment(count, magnitude) or none"

    def read(self, value: Value) -> TrivialAugment | RandAugment | None:
        if isinstance(value, Word) and value.text.startswith("rand-m"):
            raise BadValue(f"needs {self.doc}, not '{value.text}'", value.span, notes=(TIMM_POLICY,))
        call = known_call(value, self.words, self.doc)
        return POLICIES[call.name.text].read(call) or None
