"""How long an editor waits after a keystroke: `conv4`'s line of AlexNet is typed anew, character by character.

In one process, as the language server does it: the whole file is checked with every character, and most of them leave a
mistake in it, whose fixes are then sought as well. Wanted: a check in under 10 ms.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

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


def texts() -> list[str]:
    """AlexNet's spec with more and more of one line."""
    text = SPEC.read_text("utf-8")
    start = text.index("[conv4]")
    end = text.index("\n", start)
    return [text[:place] + text[end:] for place in range(start, end + 1)]


def main() -> None:
    """Print the median and the longest time of each step."""
    documents = Documents()
    seconds: dict[str, list[float]] = {name: [] for name in STEPS}
    for number in range(ROUNDS):
        # A comment in front makes every text of a round a new one, and moves every place in it.
        for text in texts():
            (document, *_) = documents.put(SPEC.as_uri(), number, f"# round {'0' * number}\n{text}")
            for name, step in STEPS.items():
                start = time.perf_counter()
                step(document)
                seconds[name].append(time.perf_counter() - start)
    rows = [("", "median", "longest")]
    rows += [(name, f"{1000 * median(times):.2f} ms", f"{1000 * max(times):.2f} ms") for name, times in seconds.items()]
    print_table(rows)


if __name__ == "__main__":
    main()
