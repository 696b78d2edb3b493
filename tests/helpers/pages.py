"""The pages whose commands are run, and what they print is put back.

A block marked ``<!-- run -->`` holds commands with what they print, or a Python program whose output stands in the
block marked ``<!-- output -->`` after it. ``<!-- file: NAME -->`` marks a copy of a file. All of a page is run in one
folder, in which ``specs`` are. ``python tests/helpers/pages.py README training`` writes these pages anew; without
names, all.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from consoles import printed, typed
from pictures import photos
from places import ROOT, SPECS

_BLOCK = re.compile(r"^<!-- (run|output|file: \S+) -->\n```(\w*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_REACHED = r"(?<=loss )[\d.e-]+|(?<=top-[15] )[\d.]+"
"""What a training reaches: its last digits are another machine's way of rounding."""


@dataclass(frozen=True)
class Page:
    """A page. ``measured`` is what depends on the clock, or on the machine's cores and its way of rounding; ``slow``,
    why it is left out of the default run; ``prepare`` puts into the folder what the commands read."""

    name: str
    measured: str = _REACHED
    slow: str = ""
    prepare: Callable[[Path], None] = lambda folder: None

    @property
    def path(self) -> Path:
        return ROOT / self.name

    def fresh(self) -> str:
        """The page with every block as it comes out now."""
        output = ""
        with TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(SPECS, folder / "specs")
            self.prepare(folder)

            def anew(block: re.Match[str]) -> str:
                nonlocal output
                what, kind, body = block.groups()
                if what.startswith("file: "):
                    body = (ROOT / what.removeprefix("file: ")).read_text("utf-8")
                elif what == "output":
                    body = output
                elif kind == "console":
                    body = typed(body, folder)
                else:
                    output = printed([sys.executable, "-c", body], folder)
                return f"<!-- {what} -->\n```{kind}\n{body}```\n"

            return _BLOCK.sub(anew, self.path.read_text("utf-8"))

    def without_measurements(self, text: str) -> str:
        """The text with what another machine measures differently as dots."""
        return re.sub(self.measured, "...", text, flags=re.MULTILINE)


PAGES = (
    Page("README.md", rf"[\d,.]+ images/s|\d+ % waiting|{_REACHED}|\d\.\de[-+]\d\d"),
    Page("docs/devices.md"),
    Page(
        "docs/data.md",
        r"[\d,.]+ images/s|(?:the network|reading) is the bottleneck.*|\d+ threads?|[\d.]+ MB|\d+ bytes not processed|"
        + _REACHED,
        "a training, and pictures that are decoded again and again",
        lambda folder: photos(folder / "photos"),
    ),
    Page(
        "docs/onnx.md",
        rf"{_REACHED}|(?<=right: )[\d.]+|(?<=read as )[\d ]+",
        "a training, and two programs that import torch or scikit-learn",
    ),
    Page(
        "docs/testing.md",
        r" *\d[\d,.]*(?: kB| MB| %(?: +#+$)?)?",
        "three trainings, and eight commands that each import torch",
    ),
    Page(
        "docs/training.md",
        rf"{_REACHED}|(?<=after step )\d+|^\d+ steps: .* not reached$",
        "seven trainings, of which some are killed",
    ),
)


def main(names: list[str]) -> None:
    """Write pages anew."""
    for page in PAGES:
        if not names or page.path.stem in names:
            page.path.write_text(page.fresh(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
