"""The command ``netspec``, which is also ``python -m netspec``.

Loading the commands takes long enough for a Ctrl-C to come meanwhile, so this file handles it before it imports them.
"""

import os
import signal
from collections.abc import Callable
from types import FrameType

_INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Run the command line. Ctrl-C gives no traceback while the commands are loaded, nor while Python exits.

    In between, ``netspec.cli`` handles it. A process that was started to ignore Ctrl-C continues to do so.
    """
    _on_ctrl_c(_end)
    from netspec.cli import main as command_line

    try:
        command_line(prog_name="netspec")
    finally:
        _on_ctrl_c(signal.SIG_DFL)  # a handler in Python might be called when the modules that it uses are gone


def _on_ctrl_c(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def _end(number: int, frame: FrameType | None) -> None:
    """End the process as a command does on Ctrl-C. An exception might be printed instead, if it comes in a callback,
    and the commands have done nothing yet that needs to be cleaned up."""
    os.write(2, b"interrupted\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
