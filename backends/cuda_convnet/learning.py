"""The parameter file: learning rates and schedules, and warnings about training settings that it cannot express."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netspec.formatting import format_literal
from netspec.ir.graph import Graph, Parameter
from netspec.ir.rules import Sgd
from netspec.keys.update_rules import word_of

from .problems import Problems
from .schedules import CfgSchedule, cfg_schedule
from .sections import decimal, listed
from .site import Site
from .update_period import expresses_accumulate, update_period


def rates(site: Site, weights: Sequence[Parameter]) -> dict[str, str]:
    """Return the keys of a layer's parameter section. ``weights`` holds the parameter of each weight matrix."""
    bias = next(p for p in site.graph.parameters_of(site.layer.name) if p.role == "bias")
    if bias.decay:
        message = f"cuda-convnet has no decay of biases; that of {format_literal(bias.decay)} is left out"
        site.draft.problems.add_warning(site.layer.name, message, "bias_decay", "bias_decay_mult")
    old = site.draft.old
    schedules, bias_schedule = [_schedule(site, w) for w in weights], _schedule(site, bias)
    keys = {
        "epsW": listed(_rate(w.lr, schedule, old=old) for w, schedule in zip(weights, schedules, strict=True)),
        "epsB": _rate(bias.lr, bias_schedule, old=old),
        "momW": listed(format_literal(w.momentum) for w in weights),
        "momB": format_literal(bias.momentum),
        "wc": listed(format_literal(w.decay) for w in weights),
    }
    if old:
        weight_schedule = _shared_schedule(site, weights, schedules)
        keys |= {"schedW": weight_schedule.of_2012} if weight_schedule else {}
        keys |= {"schedB": bias_schedule.of_2012} if bias_schedule else {}
    return keys | _super_eps(site, weights) | update_period(site)


def _super_eps(site: Site, weights: Sequence[Parameter]) -> dict[str, str]:
    """Return the key ``superEps``, of which a section has one."""
    owned = {w.super_eps for w in weights if w.layer == site.layer.name}
    if owned <= {None}:
        return {}
    (first, *others) = sorted(super_eps or 0.0 for super_eps in owned)
    if others or not site.draft.old:
        message = (
            "version 2 of cuda-convnet has no superEps" if not site.draft.old else "superEps is one for all inputs"
        )
        site.draft.problems.add_warning(site.layer.name, f"{message}; super_eps is left out", "super_eps")
        return {}
    return {"superEps": format_literal(first)}


def _schedule(site: Site, parameter: Parameter) -> CfgSchedule | None:
    """Return a parameter's schedule in the dialect, or ``None`` for a constant rate. Warn of what the dialect lacks."""
    schedule = site.graph.schedule_of(parameter)
    converted, omissions = cfg_schedule(schedule, old=site.draft.old)
    own = parameter.schedule is not None and parameter.schedule != site.graph.train.bias_schedule
    keys = ("bias_schedule", "schedule") if parameter.role == "bias" and parameter.schedule else ("schedule",)
    for omission in omissions if parameter.lr else ():
        site.draft.problems.add_warning(
            site.layer.name if own else "train", omission.message, *keys, notes=omission.notes
        )
    return converted


def _shared_schedule(
    site: Site, weights: Sequence[Parameter], schedules: Sequence[CfgSchedule | None]
) -> CfgSchedule | None:
    """Return the schedule for the weights of all inputs, of which the version of 2012 has only one."""
    trained = [schedule for weight, schedule in zip(weights, schedules, strict=True) if weight.lr] or list(schedules)
    if len(set(trained)) > 1:
        site.draft.problems.add_warning(
            site.layer.name,
            "cuda-convnet of 2012 has one schedule for the weights of all inputs; that of the first is used",
            "schedule",
            notes=("version 2 has one for each: --dialect v2",),
        )
    return trained[0]


def _rate(rate: float, schedule: CfgSchedule | None, *, old: bool) -> str:
    """Return a learning rate. In version 2 it includes the schedule, and has no exponent."""
    if old:
        return format_literal(rate)
    return decimal(rate) if schedule is None or not rate else schedule.of_version_2(decimal(rate))


def refuse_rules(graph: Graph, problems: Problems) -> None:
    """Report an update rule other than the paper's, with which the files would train another way."""
    rule = graph.train.rule
    if isinstance(rule, Sgd) and not rule.nesterov:
        return
    what = "sgd without nesterov=yes" if isinstance(rule, Sgd) else f"sgd, and this net is trained with {word_of(rule)}"
    message = f"cuda-convnet's only update rule is {what}"
    problems.add_error("train", message, "optimizer", instead=("optimizer=sgd",))


def warn_of_omissions(graph: Graph, problems: Problems, *, old: bool) -> None:
    """Warn of training settings that neither file can express. ``old``: whether the dialect is that of 2012."""
    train, augment = graph.train, graph.augment
    accumulates = train.accumulate == 1 or expresses_accumulate(graph, old=old)
    for setting, key, is_set, omission in (
        ("train", "steps", train.steps, "has no end of a training by steps: --epochs there ends it"),
        ("train", "warmup", train.warmup.length, "has no warm-up"),
        ("train", "accumulate", not accumulates, "has no accumulation of gradients"),
        ("train", "ema", train.ema, "has no moving average of the weights"),
        ("train", "clip_gradients", train.clip_gradients, "has no limit of gradients"),
        ("train", "label_smoothing", train.label_smoothing, "has no smoothing of labels"),
        ("train", "class_weights", train.class_weights, "has no weights of classes"),
        ("train", "precision", train.precision != "fp32", "has no reduced precision"),
        ("augment", "mixup", augment.mixup, "does not mix images: it has no mixup"),
        ("augment", "cutmix", augment.cutmix, "does not mix images: it has no cutmix"),
        ("augment", "colour", augment.jitter, "changes colours only along their principal components, without jitter"),
        ("augment", "pad", augment.pad, "has no padding of images"),
        ("augment", "from", augment.sides, "has no images of drawn sizes"),
        ("augment", "area", augment.areas, "has no crops of drawn sizes"),
        ("augment", "policy", augment.policy, "has no random operations on images"),
        ("augment", "erase", augment.erase, "has no erased parts of images"),
    ):
        if is_set:
            problems.add_warning(setting, f"cuda-convnet {omission}", key)
    images = graph.preprocessing
    if (images.range, images.mean, images.order, images.std) != (255, "image", "rgb", "none"):
        mean, std = (
            value if isinstance(value, str) else listed(map(format_literal, value))
            for value in (images.mean, images.std)
        )
        expected = f"range={images.range} mean={mean} order={images.order} std={std}"
        problems.add_warning(
            graph.input.layer,
            f"cuda-convnet subtracts the mean image from pixels of 0 to 255; this net expects {expected}",
            "range",
            "mean",
            "order",
            "std",
        )


def command_line(graph: Graph) -> Iterator[str]:
    """Yield comments about settings that belong on cuda-convnet's command line."""
    train = graph.train
    end = f"--epochs={train.epochs} " if train.epochs is not None else ""
    yield f"Options for the command line of convnet.py: {end}--mini={train.batch}"
