"""Fair timing: competitors take turns in one process, so that a busy moment of the machine hits them all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch

TURN = 0.2
"""Seconds that a turn on a GPU takes at least; a shorter run is repeated until it does."""

MOST_REPEATS = 1000


class Stamps:
    """Moments on a device, each later than what was launched before it. Seconds between them are read when all is over.

    On a GPU they are events in its stream: nothing waits for them.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device == "cuda"
        self._moments: list[float | torch.cuda.Event] = []

    def stamp(self) -> int:
        """Note this moment. The answer is its number, for ``seconds``."""
        if self._cuda:
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._moments.append(event)
        else:
            self._moments.append(time.perf_counter())
        return len(self._moments) - 1

    def seconds(self, first: int, second: int) -> float:
        """How long after the first moment the second was. On a GPU, wait for the second before."""
        start, end = self._moments[first], self._moments[second]
        if isinstance(start, float) and isinstance(end, float):
            return end - start
        assert isinstance(start, torch.cuda.Event) and isinstance(end, torch.cuda.Event)
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000


def seconds_of(run: Callable[[], object], device: str, repeats: int = 1) -> float:
    """How many seconds a run takes on the device: the mean of so many runs in a row."""
    synchronise(device)
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    synchronise(device)
    return (time.perf_counter() - start) / repeats


def synchronise(device: str) -> None:
    """Wait until everything that was launched on the device is done."""
    if device == "cuda":
        torch.cuda.synchronize()


def take_turns(
    competitors: Mapping[str, Callable[[], object]], rounds: int, *, device: str = "cpu", warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds of each competitor in each of ``rounds`` turns, after ``warm_up`` turns that do not count.

    On a GPU a turn repeats a short run until it fills ``TURN``, and counts the mean.
    """
    last = {name: [seconds_of(run, device) for _ in range(warm_up)][-1] for name, run in competitors.items()}
    repeats = {name: _repeats(seconds) if device == "cuda" else 1 for name, seconds in last.items()}
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(rounds):
        for name, run in competitors.items():
            seconds[name].append(seconds_of(run, device, repeats[name]))
    return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each competitor's turns."""
    return {name: median(times) for name, times in seconds.items()}


def _repeats(seconds: float) -> int:
    return max(1, min(MOST_REPEATS, round(TURN / seconds))) if seconds > 0 else MOST_REPEATS
