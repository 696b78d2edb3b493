"""Handling of Ctrl-C and ``kill`` during training: finish the current step first; end at once on a second signal.

Python runs signal handlers between bytecode instructions, and one instruction may be a whole backward pass. A thread
therefore reads the signals as they arrive, from the file descriptor that the interpreter writes their numbers to.
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

STOPPING = "stopping after this step and saving"
_AGAIN = {signal.SIGINT: "press Ctrl-C again to stop at once", signal.SIGTERM: "send the signal again to stop at once"}
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"


class Stop:
    """Whether training has been asked to stop. Call it to check; ``signal`` is the first signal that asked."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Request a stop. Usable as a signal handler."""
        if self.signal is None:
            self.signal = number


@dataclass(frozen=True, slots=True)
class HardStop:
    """What to do before ending at once, and when.

    ``cleanup`` is called just before the process ends; ``immediate`` returns whether even a first signal should end it.
    """

    cleanup: Callable[[], None] = lambda: None
    immediate: Callable[[], bool] = lambda: False


@contextmanager
def stop_on_signals(hard_stop: HardStop = HardStop()) -> Iterator[Stop]:
    """Within this context, SIGINT and SIGTERM only request a stop. A second signal ends the process at once, with exit
    code 130 or 143, even in the middle of a long computation.

    Outside the main thread, where Python allows no signal handlers, signals are handled as before.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    handlers = {number: signal.signal(number, stop.ask) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(receiver, stop, hard_stop), name="netspec-signals", daemon=True)
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


def _watch(receiver: socket.socket, stop: Stop, hard_stop: HardStop) -> None:
    stop_requested = False
    while numbers := receiver.recv(16):
        for number in numbers:
            if number not in SIGNALS:
                continue
            end_at_once = not stop_requested and hard_stop.immediate()
            if end_at_once:
                _print("interrupted")
            if stop_requested or end_at_once:
                hard_stop.cleanup()
                os._exit(128 + number)
            stop.ask(number)
            _print(f"{STOPPING}; {_AGAIN[signal.Signals(number)]}")
            stop_requested = True


def _print(text: str) -> None:
    """Print to standard error, bypassing the progress bar that another thread may be drawing.

    The bar hides the cursor, and would leave it hidden if a second signal ends the process; so show it.
    """
    with suppress(OSError, RuntimeError, ValueError):  # standard error may be closed
        sys.stderr.flush()
        before = f"\n{_SHOW_CURSOR}" if os.isatty(2) else ""
        os.write(2, f"{before}{text}\n".encode())
