"""Map a function over tasks in several processes, with ordered results and a bounded number of pending tasks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from netspec.train.errors import TrainError

Task = TypeVar("Task")
Result = TypeVar("Result")

CHUNK = 32
"""The usual number of images in a task."""

AHEAD = 4
"""The number of tasks per process that may be pending at a time."""


def in_processes(function: Callable[[Task], Result], tasks: Iterator[Task], processes: int) -> Generator[Result]:
    """Yield ``function(task)`` for every task, in order. With ``processes=1`` it runs in this process.

    Workers are spawned, not forked: a fork would inherit locks held by threads that do not exist in it. They ignore
    Ctrl-C, which is left to this process, and exit when this process ends for whatever reason.

    Raises
    ------
    TrainError
        A worker was killed.
    """
    if processes == 1:
        yield from map(function, tasks)
        return
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_start_worker)
    pending: deque[Future[Result]] = deque()
    try:
        while True:
            while len(pending) < AHEAD * processes:
                try:
                    task = next(tasks)
                except StopIteration:
                    break
                pending.append(pool.submit(function, task))
            if not pending:
                return
            yield pending.popleft().result()
    except BrokenProcessPool as problem:
        raise TrainError(
            "a process that reads images was killed", "it may have run out of memory; try --processes 1"
        ) from problem
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Exit once the parent is gone: a killed parent cannot stop its workers, which would wait for tasks forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
