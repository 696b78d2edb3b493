"""The parameter file: rates with their schedules, and what of a training it does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netspec.importers.cuda_convnet.lines import number
from netspec.ir.graph import Graph, Parameter
from netspec.ir.settings import DiscreteExponential, Exponential, Fixed, Linear, Schedule

from .problems import Problems
from .sections import decimal, listed
from .site import Site


def rates(site: Site, weights: Sequence[Parameter]) -> dict[str, str]:
    """The parameter section of a layer whose matrices these are; shared ones are their owner's."""
    bias = next(p for p in site.graph.parameters_of(site.layer.name) if p.role == "bias")
    schedule = site.graph.train.schedule
    if bias.decay:
        message = f"cuda-convnet has no decay of biases; that of {number(bias.decay)} is left out"
        site.draft.problems.left_out(site.layer.name, message, "bias_decay", "bias_decay_mult")
    old = site.draft.old
    eps = [number(w.lr) if old else _rate_v2(w.lr, schedule) for w in weights]
    keys = {
        "epsW": listed(eps),
        "epsB": number(bias.lr) if old else _rate_v2(bias.lr, schedule),
        "momW": listed(number(w.momentum) for w in weights),
        "momB": number(bias.momentum),
        "wc": listed(number(w.decay) for w in weights),
    }
    word = _schedule(schedule)
    if old and word:
        name, factor, levels = word
        steps = f",numSteps={levels}" if levels else ""
        keys |= dict.fromkeys(("schedW", "schedB"), f"{name}[tgtFactor={factor},noiseStdev=0{steps}]")
    return keys


def _schedule(schedule: Schedule) -> tuple[str, str, str] | None:
    """A schedule's word, its factor as the original divides by it, and its steps; ``None`` for a constant rate, and
    for what neither version has."""
    match schedule:
        case Exponential(factor):
            return "exp", decimal(_inverse(factor)), ""
        case DiscreteExponential(factor, levels):
            return "dexp", decimal(_inverse(factor)), str(levels)
        case Linear(factor) if factor:
            return "linear", decimal(_inverse(factor)), ""
    return None


def _inverse(factor: float) -> float:
    """1 / factor, as short as it can be."""
    short = float(f"{1 / factor:.12g}")
    return short if 1 / short == factor else 1 / factor


def _rate_v2(rate: float, schedule: Schedule) -> str:
    """A rate of version 2: with its schedule, or a number without an exponent."""
    word = _schedule(schedule)
    if word is None or not rate:
        return decimal(rate)
    name, factor, levels = word
    steps = f";numSteps={levels}" if levels else ""
    return f"{name}[base={decimal(rate)};tgtFactor={factor}{steps}]"


def not_held(graph: Graph, problems: Problems) -> None:
    """Warn of what changes the training and stands in neither file."""
    train = graph.train
    if not isinstance(train.schedule, Fixed) and _schedule(train.schedule) is None:
        problems.left_out(
            "train",
            "cuda-convnet has no such schedule: the rates stay as they begin",
            "schedule",
            notes=(
                "in 2012 they were lowered by hand, in the parameter file of the run",
                "what would do: exponential, dexp, or linear",
            ),
        )
    for key, there, what in (
        ("warmup", train.warmup.length, "warm-up"),
        ("accumulate", train.accumulate > 1, "accumulation of gradients"),
        ("ema", train.ema, "moving average of the weights"),
        ("label_smoothing", train.label_smoothing, "smoothing of labels"),
        ("precision", train.precision != "fp32", "reduced precision"),
    ):
        if there:
            problems.left_out("train", f"cuda-convnet has no {what}", key)
    given = graph.preprocessing
    if (given.range, given.mean, given.order) != (255, "image", "rgb"):
        said = f"range={given.range} mean={given.mean} order={given.order}"
        problems.left_out(
            graph.input.layer,
            f"cuda-convnet gives pixels from 0 to 255 less their mean image; this net is made for {said}",
            "range",
            "mean",
            "order",
        )


def command_line(graph: Graph) -> Iterator[str]:
    """What the original was told on its command line."""
    train = graph.train
    yield f"convnet.py was told on its command line: --epochs={train.epochs} --mini={train.batch}"
