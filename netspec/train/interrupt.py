"""Ctrl-C and ``kill`` during training: the step under way is finished first; a second one ends at once.

Python runs a handler between two of its own instructions, and one of them may be a whole backward pass. A thread
therefore learns of each signal when it comes, through the file that the interpreter writes their numbers into.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

TOLD = "stopping after this step, and saving; once more to end at once"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"


class Stop:
    """Whether somebody has asked for the end, and by which signal first."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Ask for the end, as that signal does."""
        if self.signal is None:
            self.signal = number


@dataclass(frozen=True, slots=True)
class Abrupt:
    """An end at once: ``clear`` is done before it, and ``due`` says whether it is what even the first signal brings."""

    clear: Callable[[], None] = lambda: None
    due: Callable[[], bool] = lambda: False


@contextmanager
def stop_on_signals(abrupt: Abrupt = Abrupt()) -> Iterator[Stop]:
    """While this lasts, SIGINT and SIGTERM ask for the end instead of bringing it; a second one ends the process at
    once, with 130 or 143, even in the middle of a long computation.

    Outside the main thread, where Python allows no handlers, nothing is changed.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    handlers = {number: signal.signal(number, stop.ask) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(receiver, stop, abrupt), name="netspec-signals", daemon=True)
    watcher.start()
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sender.close()
        watcher.join()
        receiver.close()


def _watch(receiver: socket.socket, stop: Stop, abrupt: Abrupt) -> None:
    told = False
    while numbers := receiver.recv(16):
        for number in numbers:
            if number not in SIGNALS:
                continue
            due = not told and abrupt.due()
            if due:
                _tell("interrupted")
            if told or due:
                abrupt.clear()
                os._exit(128 + number)
            stop.ask(number)
            _tell(TOLD)
            told = True


def _tell(text: str) -> None:
    """Past the progress bar, which another thread may be drawing. It hides the cursor, and a second signal would leave
    it hidden."""
    with suppress(OSError, RuntimeError, ValueError):  # nobody reads it
        sys.stderr.flush()
        before = f"\n{_SHOW_CURSOR}" if os.isatty(2) else ""
        os.write(2, f"{before}{text}\n".encode())
