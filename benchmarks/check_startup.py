"""Measure how long `netspec check specs/alexnet.net` takes as a whole process.

It is compared, in turns, with `python -c pass`, and with building the hand-written network of `peer.py` and printing
its summary. Goal: at most 15 times as long as the former, and at least 10 times as fast as the latter.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from timing import print_table, process, take_turns

HERE = Path(__file__).parent
SPEC = HERE.parent / "specs" / "alexnet.net"
ROUNDS = 21
BARE, CHECK = "python -c pass", "netspec check specs/alexnet.net"


def main() -> None:
    """Print the medians and their ratios."""
    torchinfo = find_spec("torchinfo") is not None
    by_hand = f"hand-written AlexNet, {'torchinfo summary' if torchinfo else 'parameters printed'}"
    seconds = take_turns(
        {
            BARE: process(sys.executable, "-c", "pass"),
            CHECK: process(str(Path(sys.executable).with_name("netspec")), "check", str(SPEC)),
        },
        ROUNDS,
    )
    # The slow one needs only a few turns. They come last so that it does not evict the others' files from the caches.
    seconds |= take_turns({by_hand: process(sys.executable, str(HERE / "peer.py"))}, rounds=5)
    rows = [(name, f"{1000 * time:.0f} ms", f"{time / seconds[BARE]:.1f} x bare") for name, time in seconds.items()]
    print_table(rows)
    print(f"the check is {seconds[by_hand] / seconds[CHECK]:.1f} times faster than the hand-written network")
    if not torchinfo:
        print("torchinfo is not installed: its own work is missing from the hand-written network's time")


if __name__ == "__main__":
    main()
