"""Something that is timed in a process of its own, where the memory of other runs is not in its way."""

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
    """Start a process for what is to be run. What is given runs it there, waits for its end, and returns the seconds of
    the processor that it took; the first time also those of making it.

    ``make`` is sent to the process: a function of a module, or a ``partial`` of one.

    Raises
    ------
    RuntimeError
        From what is given: what is run there has raised, which is said in its words, or the process has ended.
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
        process.terminate()  # it has nothing to leave in order
        process.join()
        here.close()


def _serve(asked: Connection, make: Callable[[], Run]) -> None:
    """Run once for each message, and answer with the seconds, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the one that asks, and that ends this
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
