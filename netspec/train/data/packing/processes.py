"""Work spread over processes: results in the order of the tasks, a bounded number of them ahead."""

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
Done = TypeVar("Done")

AHEAD = 4
"""Tasks for each process that are handed out before the first result is taken."""


def in_processes(function: Callable[[Task], Done], tasks: Iterator[Task], processes: int) -> Generator[Done]:
    """``function`` of every task. With one process no other is started.

    Fresh processes, not copies of this one: a copy would hold the locks of threads that it does not have. They leave
    Ctrl-C to this process, and end when it ends, however that happens.

    Raises
    ------
    TrainError
        A process was killed.
    """
    if processes == 1:
        yield from map(function, tasks)
        return
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin)
    waiting: deque[Future[Done]] = deque()
    try:
        while True:
            while len(waiting) < AHEAD * processes:
                try:
                    task = next(tasks)
                except StopIteration:
                    break
                waiting.append(pool.submit(function, task))
            if not waiting:
                return
            yield waiting.popleft().result()
    except BrokenProcessPool as problem:
        raise TrainError(
            "a process that reads images was killed", "it may have run out of memory; try fewer: --processes 1"
        ) from problem
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot tell its processes, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
