"""Something that is timed in a process of its own, where the memory of other runs is not in its way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

Run = Callable[[], object]


@contextmanager
def apart(make: Callable[[], Run]) -> Iterator[Callable[[], float]]:
    """Start a process that makes what is to be run. What is given runs it there, waits for its end, and returns the
    seconds of the processor that it took.

    ``make`` is sent to the process: a function of a module, or a ``partial`` of one.

    Raises
    ------
    RuntimeError
        From what is given: the process has ended, as it does when what it runs raises.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, make), daemon=True)
    process.start()
    there.close()

    def run() -> float:
        try:
            here.send(True)
            seconds: float = here.recv()
        except (EOFError, OSError) as ended:
            raise RuntimeError("a process in which a step was timed has ended") from ended
        return seconds

    try:
        yield run
    finally:
        here.close()
        process.join()


def _serve(asked: Connection, make: Callable[[], Run]) -> None:
    """Run as often as asked, until nobody asks any more."""
    run = make()
    while True:
        try:
            asked.recv()
        except EOFError:
            return
        start = time.process_time()
        run()
        asked.send(time.process_time() - start)
