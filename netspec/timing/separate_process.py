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
def in_separate_process(make: Callable[[], Run]) -> Iterator[Callable[[], float]]:
    """Start a process that calls ``make`` and runs the function that it returns.

    Yields a function that has the process run it once, waits for it, and returns the processor time in seconds. The
    first time includes the call of ``make``. ``make`` is pickled, so it must be a module-level function or a
    ``partial`` of one.

    Raises
    ------
    RuntimeError
        From the yielded function: the run has raised an exception, whose message is included, or the process has ended.
    """
    context = get_context("spawn")
    parent_end, child_end = context.Pipe()
    process = context.Process(target=_serve, args=(child_end, make), daemon=True)
    process.start()
    child_end.close()

    def run() -> float:
        try:
            parent_end.send(True)
            reply: float | str = parent_end.recv()
        except (EOFError, OSError) as ended:
            raise RuntimeError("a process in which a step was timed has ended") from ended
        if isinstance(reply, str):
            raise RuntimeError(reply)
        return reply

    try:
        yield run
    finally:
        process.terminate()  # it has nothing to clean up
        process.join()
        parent_end.close()


def _serve(connection: Connection, make: Callable[[], Run]) -> None:
    """Run once for each message and send back the processor time, until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    run: Run | None = None
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        start = time.process_time()
        try:
            run = run if run is not None else make()
            run()
        except Exception as problem:
            connection.send(f"{type(problem).__name__}: {problem}")
            return
        connection.send(time.process_time() - start)
