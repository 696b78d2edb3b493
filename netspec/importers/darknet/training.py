"""The section ``[net]``, and a ``[crop]`` behind it, as the input, train, augment and test lines of a spec.

``parse_net_options`` of src/parser.c reads them; the rates are those of ``get_current_rate`` of src/network.c, and the
images are prepared by ``random_augment_image`` and ``load_image_augment_paths`` of src/image.c and src/data.c.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netspec.importers.darknet.sections import Section, unknown_word
from netspec.importers.spec.problem import Rejected
from netspec.ir.shape import Shape
from netspec.keys.texts import call, number
from netspec.source import Span


class Images(NamedTuple):
    """The shape of the input, the keys of its line, and the side of the images that ``[crop]`` cuts it from, if it is
    there."""

    shape: Shape
    keys: Mapping[str, str]
    cut_from: int | None


def images_of(net: Section, crop: Section | None, given: Shape | None) -> Images:
    """Return what the network reads. ``crop`` is the first layer if that is a ``[crop]``, and ``given`` another shape
    of its output, or of the images if there is none.

    Pixels are from 0 to 1; ``forward_crop_layer`` computes 2 x - 1 unless ``noadjust`` is stated.
    """
    sides = [net.whole(name, 0, 0) for name in ("channels", "height", "width")]
    shape = Shape(*sides) if all(sides) else Shape(net.whole("inputs", 0, 0))
    if not shape.units:
        raise Rejected("it states neither height, width and channels nor inputs", net.span)
    if "inputs" in net.options and net.whole("inputs", 0) != shape.units:
        message = f"inputs={net.text('inputs')}, and channels x height x width are {shape.units}"
        raise Rejected(message, net.place("inputs"))
    if crop is None:
        return Images(given or shape, {}, None)
    height, width = (crop.whole(name, 1, 1) for name in ("crop_height", "crop_width"))
    if not shape.is_image or height > shape.height or width > shape.width:
        raise Rejected(f"it cuts {height}x{width} from {shape}", crop.place("crop_height", "crop_width"))
    keys = {} if crop.whole("noadjust", 0) else {"mean": "0.5", "std": "0.5"}
    return Images(given or Shape(shape.channels, height, width), keys, min(shape.height, shape.width))


@dataclass(slots=True)
class Training:
    """The keys of the train, augment and test lines, and what is not in them."""

    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: list[tuple[Span, str]] = field(default_factory=list)

    def leave_out(self, net: Section, note: str, *names: str) -> None:
        self.left_out.append((net.place(*names), note))


def training_of(net: Section, crop: Section | None, images: Images) -> Training:
    """Return what ``[net]`` states about training. Raises ``Rejected``."""
    training = Training()
    steps = net.whole("max_batches", 0, 0)
    train = {"steps": str(steps)} if steps else {}
    train |= _batch(net, training) | {"optimizer": _optimizer(net, training)} | _schedule(net, training, steps)
    training.settings = {"train": train, **_augment(net, crop, images, training)}
    return training


def _batch(net: Section, training: Training) -> dict[str, str]:
    """Return the batch. Darknet's files for tests have batches of 1."""
    batch, parts = net.whole("batch", 1, 1), net.whole("subdivisions", 1, 1)
    if batch % parts:
        raise Rejected(f"subdivisions={parts} does not divide batch={batch}", net.place("subdivisions"))
    if batch == 1:
        training.leave_out(net, "batch=1, with which Darknet tests; --set train.batch=128 states another", "batch")
        return {}
    return {"batch": str(batch)} | ({"accumulate": str(parts)} if parts > 1 else {})


def _optimizer(net: Section, training: Training) -> str:
    """Return the update rule. Decay applies to weights alone (``update_convolutional_layer``)."""
    arguments = {"lr": net.real("learning_rate", 0.001, 0)}
    if adam := net.whole("adam", 0):
        arguments |= {"beta1": net.real("B1", 0.9, 0, 1), "beta2": net.real("B2", 0.999, 0, 1)}
        arguments["eps"] = net.real("eps", 1e-7)
        if arguments["eps"] <= 0:
            raise Rejected("eps must be above 0", net.place("eps"))
        if "eps" not in net.options:
            note = "eps is not stated: 1e-7 is assumed, as in pjreddie's Darknet; AlexeyAB's takes 1e-6"
            training.leave_out(net, note, "adam")
    else:
        arguments["momentum"] = net.real("momentum", 0.9, 0, 1)
    if decay := net.real("decay", 0.0001, 0):
        arguments["weight_decay"] = decay
    return call("adam" if adam else "sgd", *(f"{name}={number(value)}" for name, value in arguments.items()))


def _schedule(net: Section, training: Training, steps: int) -> dict[str, str]:
    policy = net.text("policy", "constant")
    if policy not in _POLICIES:
        raise unknown_word("policy", policy, [*_POLICIES], "constant", net.place("policy"))
    schedule = _POLICIES[policy](net)
    if schedule is None or (policy == "poly" and not steps):
        training.leave_out(net, f"policy={policy} with its numbers, which no schedule of a spec has", "policy")
        schedule = ""
    keys = {"schedule": schedule} if schedule else {}
    if burn_in := net.whole("burn_in", 0, 0):
        if (power := net.real("power", 4)) != 1:
            note = f"burn_in={burn_in}: the rate rises with the power {number(power)} of the step; a spec's, linearly"
            training.leave_out(net, note, "burn_in")
        keys["warmup"] = call("steps", str(burn_in))
    return keys


def _falling(word: str, when: list[int], factor: float) -> str | None:
    """Return a schedule that multiplies the rate by a factor; empty if that is 1."""
    if not 0 < factor <= 1 or min(when) < 1 or when != sorted(set(when)):
        return None
    times = [f"every={when[0]}"] if word == "step" else [*map(str, when)]
    return call(word, *times, f"factor={number(factor)}", "unit=steps") if factor != 1 else ""


def _steps(net: Section) -> str | None:
    if "steps" not in net.options or "scales" not in net.options:
        raise Rejected("policy=steps needs steps= and scales=", net.place("policy"))
    starts, scales = net.wholes("steps"), net.reals("scales")
    if len(set(scales)) > 1 or len(scales) < len(starts):
        return None
    return _falling("steps", starts, scales[0])


def _sigmoid(net: Section) -> str | None:
    """Darknet's gamma has the opposite sign of a spec's."""
    center = net.whole("step", 1)
    return call("sigmoid", f"gamma={number(-net.real('gamma', 1))}", f"center={center}") if center >= 0 else None


_POLICIES: Mapping[str, Callable[[Section], str | None]] = {
    "constant": lambda net: "",
    "poly": lambda net: call("poly", f"power={number(net.real('power', 4))}") if net.real("power", 4) > 0 else None,
    "step": lambda net: _falling("step", [net.whole("step", 1)], net.real("scale", 1)),
    "steps": _steps,
    "exp": lambda net: _falling("step", [1], net.real("gamma", 1)),
    "sigmoid": _sigmoid,
    **dict.fromkeys(("random", "sgdr"), lambda net: None),
}
"""The schedules, by the word of ``policy``; ``None`` for what a spec cannot express."""


def _augment(net: Section, crop: Section | None, images: Images, training: Training) -> dict[str, dict[str, str]]:
    """Return the augment and test lines: a square cut from images whose shorter side is drawn, and mirrored.

    Tests take the middle of images whose shorter side is that of the input (``validate_classifier_single``).
    """
    shape = images.shape
    if not shape.is_image or shape.height != shape.width:
        if stated := [name for name in ("min_crop", "max_crop", "flip") if name in net.options]:
            training.leave_out(net, f"{', '.join(stated)}: a spec cuts squares for an input that is one", *stated)
        return {}
    side = shape.width
    if images.cut_from is not None and crop is not None:
        flip = {"flip": "horizontal"} if crop.whole("flip", 0) else {}
        return {"augment": {"crop": str(side), "from": str(max(side, images.cut_from))} | flip}
    least, most = sorted((net.whole("min_crop", side, 1), net.whole("max_crop", 2 * side, 1)))
    flip = {"flip": "horizontal"} if net.whole("flip", 1) else {}
    if least < side:
        note = f"crops from images of {least} to {most} pixels, of which a spec cuts none below {side}"
        training.leave_out(net, note, "min_crop", "max_crop")
    least, most = max(side, least), max(side, most)
    drawn = str(least) if least == most else f"{least},{most}"
    test = {"test": {"from": str(side)}} if most > side else {}
    return {"augment": {"crop": str(side), "from": drawn} | flip, **test}
