"""Timing a function in a dedicated process, unaffected by the memory use of other functions."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

Run = Callable[[], object]


@contextmanager
def apart(make: Callable[[], Run]) -> Iterator[Callable[[], float]]:
    """Start a process that runs the function returned by ``make``.

    Yields a function that makes the process run it once, waits for it, and returns the processor time in seconds. The
    first call also includes the time of ``make``, which is pickled and so must be a module-level function, or a
    ``partial`` of one.

    Raises
    ------
    RuntimeError
        From the yielded function: the run has raised an exception, whose message is included, or the process has ended.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, make), daemon=True)
    process.start()
    there.close()

    def run() -> float:
        try:
            here.send(True)
            found: float | str = here.recv()
        except (EOFError, OSError) as ended:
            raise RuntimeError("a process in which a step was timed has ended") from ended
        if isinstance(found, str):
            raise RuntimeError(found)
        return found

    try:
        yield run
    finally:
        process.terminate()  # it has nothing to clean up
        process.join()
        here.close()


def _serve(asked: Connection, make: Callable[[], Run]) -> None:
    """Run once for each message and send back the processor time, until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    run: Run | None = None
    while True:
        try:
            asked.recv()
        except EOFError:
            return
        start = time.process_time()
        try:
            run = run if run is not None else make()
            run()
        except Exception as problem:
            asked.send(f"{type(problem).__name__}: {problem}")
            return
        asked.send(time.process_time() - start)
