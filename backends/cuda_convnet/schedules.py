"""Learning rate schedules in the syntax of both versions."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.schedules import DiscreteExponential, Exponential, Fixed, JumpingExponential, Linear, Schedule, noise_of

from .sections import decimal


@dataclass(frozen=True, slots=True)
class CfgSchedule:
    """A schedule: its word, the factor by which cuda-convnet divides the rate, its noise, and its number of steps."""

    word: str
    factor: str
    noise: str = "0"
    steps: str = ""

    @property
    def of_2012(self) -> str:
        """``dexp[tgtFactor=250,noiseStdev=0,numSteps=4]``, a key beside the rate."""
        steps = f",numSteps={self.steps}" if self.steps else ""
        return f"{self.word}[tgtFactor={self.factor},noiseStdev={self.noise}{steps}]"

    def of_version_2(self, base: str) -> str:
        """Return ``dexp[base=0.01;tgtFactor=250;numSteps=4]``, which includes the rate ``base``."""
        steps = f";numSteps={self.steps}" if self.steps else ""
        return f"{self.word}[base={base};tgtFactor={self.factor}{steps}]"


@dataclass(frozen=True, slots=True)
class Omission:
    """A warning about a part of a schedule that a version cannot express."""

    message: str
    notes: tuple[str, ...] = ()


_NO_SCHEDULE = Omission(
    "cuda-convnet has no such schedule: the rates keep their full values",
    (
        "in 2012 they were lowered by hand, in the parameter file of the run",
        "alternatives: exponential, dexp, jdexp (of 2012), or linear",
    ),
)
_NO_JUMPS = Omission("version 2 of cuda-convnet has no jdexp; netspec writes dexp, which has no jumps")
_NO_NOISE = Omission("version 2 of cuda-convnet has no noise in rates; it is left out")


def cfg_schedule(schedule: Schedule, *, old: bool) -> tuple[CfgSchedule | None, tuple[Omission, ...]]:
    """Return a schedule in the syntax of a version, ``None`` for a constant rate, and what it cannot express.

    ``old``: whether the version is that of 2012.
    """
    noise = noise_of(schedule)
    noise_text = decimal(noise) if old else "0"
    omissions = (_NO_NOISE,) if noise and not old else ()
    match schedule:
        case Fixed():
            return None, ()
        case Exponential(factor):
            return CfgSchedule("exp", _inverse(factor), noise_text), omissions
        case Linear(factor) if factor:
            return CfgSchedule("linear", _inverse(factor), noise_text), omissions
        case DiscreteExponential(factor, levels):
            return CfgSchedule("dexp", _inverse(factor), noise_text, str(levels)), omissions
        case JumpingExponential(factor, levels) if old:
            return CfgSchedule("jdexp", _inverse(factor), noise_text, str(levels)), ()
        case JumpingExponential(factor, levels):
            return CfgSchedule("dexp", _inverse(factor), noise_text, str(levels)), (_NO_JUMPS, *omissions)
    return None, (_NO_SCHEDULE,)


def _inverse(factor: float) -> str:
    """Return 1 / factor, rounded to 12 digits if that still gives the factor."""
    short = float(f"{1 / factor:.12g}")
    return decimal(short if 1 / short == factor else 1 / factor)
