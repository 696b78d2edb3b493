"""Fair timing: competitors take turns, so that a busy moment of the machine affects all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch

TURN = 0.2
"""The minimum time of a turn on a GPU, in seconds; shorter runs are repeated."""

MAX_REPEATS = 1000


class Stamps:
    """Timestamps on a device; each is taken after all work launched before it has finished.

    On a GPU they are events in the stream, so that recording one waits for nothing.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device == "cuda"
        self._moments: list[float | torch.cuda.Event] = []

    def stamp(self) -> int:
        """Record a timestamp and return its number, for ``seconds``."""
        if self._cuda:
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._moments.append(event)
        else:
            self._moments.append(time.perf_counter())
        return len(self._moments) - 1

    def seconds(self, first: int, second: int) -> float:
        """Return the time between two timestamps. On a GPU, first wait for the second one."""
        start, end = self._moments[first], self._moments[second]
        if isinstance(start, float) and isinstance(end, float):
            return end - start
        assert isinstance(start, torch.cuda.Event) and isinstance(end, torch.cuda.Event)
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000


def seconds_of(run: Callable[[], object], device: str, repeats: int = 1) -> float:
    """Return the seconds that a run takes on the device: the mean of ``repeats`` runs in a row."""
    synchronise(device)
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    synchronise(device)
    return (time.perf_counter() - start) / repeats


def synchronise(device: str) -> None:
    """Wait until the device has finished all work launched on it."""
    if device == "cuda":
        torch.cuda.synchronize()


def take_turns(
    competitors: Mapping[str, Callable[[], object]], rounds: int, *, device: str = "cpu", warm_up: int = 1
) -> dict[str, list[float]]:
    """Return the seconds of each competitor in each of ``rounds`` turns, after ``warm_up`` turns that do not count.

    On a GPU, a turn repeats a short run for about ``TURN`` seconds and takes the mean.
    """
    last = {name: [seconds_of(run, device) for _ in range(warm_up)][-1] for name, run in competitors.items()}
    repeats = {name: _repeats(seconds) if device == "cuda" else 1 for name, seconds in last.items()}
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(rounds):
        for name, run in competitors.items():
            seconds[name].append(seconds_of(run, device, repeats[name]))
    return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the median of each competitor's turns."""
    return {name: median(times) for name, times in seconds.items()}


def _repeats(seconds: float) -> int:
    return max(1, min(MAX_REPEATS, round(TURN / seconds))) if seconds > 0 else MAX_REPEATS
