"""The settings that stand beside the layers: ``net``, ``train``, ``augment`` and ``test``, and their keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netspec.ir import settings as ir
from netspec.ir.window import ROUNDINGS
from netspec.keys import Argument, BadValue, Choice, Key, OneOf, Real, Whole
from netspec.keys.kinds import arguments, one_of, shown, unknown_word
from netspec.language.syntax import Call, Number, Value, Word


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The kind of ``optimizer=``. Read as the arguments of ``sgd`` by name."""

    words: tuple[str, ...] = ("sgd",)
    doc: str = "sgd(lr, momentum, weight_decay, bias_decay)"

    def read(self, value: Value) -> dict[str, float]:
        word = value.name if isinstance(value, Call) else value
        if not isinstance(word, Word) or word.text != "sgd":
            raise unknown_word(value, self.words, self.doc)
        call = value if isinstance(value, Call) else Call(word, (), (), word.span)
        default = ir.Train()
        known = (
            Argument("lr", Real(low=0), default.lr),
            Argument("momentum", Real(low=0, below=1), default.momentum),
            Argument("weight_decay", Real(low=0), default.weight_decay),
            Argument("bias_decay", Real(low=0), default.bias_decay),
        )
        return arguments(call, known)


_FACTOR = Argument("factor", Real(above=0), 0.1)
_SCHEDULES: dict[str, tuple[Argument, ...]] = {
    "constant": (),
    "step": (Argument("every", Whole(), required=True), _FACTOR),
    "plateau": (
        _FACTOR,
        Argument("times", Whole(), 3),
        Argument("patience", Whole(), 5),
        Argument("threshold", Real(low=0), 1e-3),
    ),
    "exponential": (Argument("factor", Real(above=0), required=True),),
}


@dataclass(frozen=True, slots=True)
class ScheduleWord:
    """The kind of ``schedule=``."""

    words: tuple[str, ...] = (*_SCHEDULES, "steps")

    @property
    def doc(self) -> str:
        shown_ = [f"{w}({', '.join(a.name for a in args)})".replace("()", "") for w, args in _SCHEDULES.items()]
        return one_of([*shown_, "steps(epoch, epoch, ..., factor)"])

    def read(self, value: Value) -> ir.Schedule:
        word = value.name if isinstance(value, Call) else value
        if not isinstance(word, Word) or word.text not in self.words:
            raise unknown_word(value, self.words, self.doc)
        call = value if isinstance(value, Call) else Call(word, (), (), word.span)
        if word.text == "steps":
            return _steps(call)
        given = arguments(call, _SCHEDULES[word.text])
        makers: dict[str, Any] = {
            "constant": ir.Fixed,
            "step": ir.Step,
            "plateau": ir.Plateau,
            "exponential": ir.Exponential,
        }
        schedule: ir.Schedule = makers[word.text](**given)
        return schedule


def _steps(call: Call) -> ir.Steps:
    epochs = [Whole(1).read(v) for v in call.args if isinstance(v, Number)]
    if len(epochs) != len(call.args) or not epochs or epochs != sorted(set(epochs)):
        raise BadValue("'steps' needs the epochs in rising order: steps(25, 51, 79, factor=0.1)", call.span)
    return ir.Steps(tuple(epochs), arguments(Call(call.name, (), call.named, call.span), (_FACTOR,))["factor"])


@dataclass(frozen=True, slots=True)
class Colour:
    """The kind of ``colour=``: read as the standard deviation of the shift, 0 for none."""

    words: tuple[str, ...] = ("pca", "none")
    doc: str = "pca(std) or none"

    def read(self, value: Value) -> float:
        if isinstance(value, Word) and value.text == "none":
            return 0.0
        if isinstance(value, Call) and value.name.text == "pca":
            return float(arguments(value, (Argument("std", Real(low=0), required=True),))["std"])
        if isinstance(value, Word) and value.text == "pca":
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        raise unknown_word(value, self.words, self.doc)


NET = (
    Key(
        "rounding",
        Choice({r: r for r in ROUNDINGS}),
        "the rounding of every window that does not say its own",
        default="exact",
    ),
)
TRAIN = (
    Key("epochs", Whole(), "passes over the training images", default=10),
    Key("batch", Whole(), "images of one step, over all devices", default=128, unit="images"),
    Key(
        "optimizer",
        Optimizer(),
        "the update rule: v <- momentum v - decay lr w - lr g, w <- w + v",
        default={},
        default_text="sgd(lr=0.01, momentum=0.9, weight_decay=0)",
    ),
    Key("schedule", ScheduleWord(), "how the learning rate falls", default=ir.Fixed(), default_text="constant"),
)
AUGMENT = (
    Key(
        "crop",
        Whole(),
        "side of the random crop; equals the input's",
        default=None,
        default_text="the input's",
        unit="pixels",
    ),
    Key(
        "from",
        Whole(),
        "side of the square that crops are cut from: the shorter side is scaled to it",
        default=None,
        default_text="the crop",
        unit="pixels",
    ),
    Key("flip", Choice({"horizontal": "horizontal", "none": "none"}), "mirror half of the images", default="none"),
    Key(
        "colour",
        Colour(),
        "shift along the principal components of the colours, with this standard deviation",
        default=0.0,
        default_text="none",
    ),
)
TEST = (Key("views", OneOf((1, 10)), "the centre crop, or the mean over ten crops and mirror images", default=1),)

SETTINGS: dict[str, tuple[Key, ...]] = {"net": NET, "train": TRAIN, "augment": AUGMENT, "test": TEST}
"""The keys of each setting that takes some. ``gpus`` takes a number, ``default`` a layer type and its keys."""

WORDS = (*SETTINGS, "gpus", "default")
