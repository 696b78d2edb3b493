"""Measure how long an editor waits after a keystroke, while one line is retyped character by character.

The line is `conv4`'s of AlexNet, and one in the middle of a chain of 1,000 layers. As in the language server, one
process checks the whole file after each character and reuses the previous results for unchanged layers. Most
characters leave a mistake, for which fixes are then searched (the server does this in a thread). Goal: a check of
AlexNet in under 10 ms, and of 1,000 layers in under 50 ms.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from check_chain import chain
from timing import print_table

from netspec.lsp.document import Document
from netspec.lsp.documents import Documents
from netspec.lsp.hints import hints
from netspec.lsp.symbols import symbols

SPEC = Path(__file__).parent.parent / "specs" / "alexnet.net"
ROUNDS = 5
STEPS: dict[str, Callable[[Document], object]] = {
    "check": lambda document: document.checked,
    "outline and shapes": lambda document: (symbols(document), hints(document, 0, len(document.source.text))),
    "fixes of its mistakes": lambda document: document.diagnostics,
}


def texts(text: str, name: str) -> list[str]:
    """Return the texts of a spec while the line of layer ``name`` is typed, from none of it to the whole line."""
    start = text.index(f"[{name}]")
    end = text.index("\n", start)
    return [text[:place] + text[end:] for place in range(start, end + 1)]


def seconds(typed: list[str], rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each step of ``STEPS`` takes after each keystroke."""
    documents = Documents()
    elapsed: dict[str, list[float]] = {name: [] for name in STEPS}
    for number in range(rounds):
        # A different comment at the top in each round makes every text new and shifts every position in it.
        for text in typed:
            (document, *_) = documents.put(SPEC.as_uri(), number, f"# round {'0' * number}\n{text}")
            for name, step in STEPS.items():
                start = time.perf_counter()
                step(document)
                elapsed[name].append(time.perf_counter() - start)
    return elapsed


def main() -> None:
    """Print the median and the longest time of each step."""
    typed = {
        "AlexNet": (texts(SPEC.read_text("utf-8"), "conv4"), ROUNDS),
        "1,000 layers": (texts(chain(1_000), "layer500"), 1),
    }
    rows = [("", "median", "longest")]
    for spec, (keystrokes, rounds) in typed.items():
        rows += [
            (f"{spec}: {name}", f"{1000 * median(times):.2f} ms", f"{1000 * max(times):.2f} ms")
            for name, times in seconds(keystrokes, rounds).items()
        ]
    print_table(rows)


if __name__ == "__main__":
    main()
