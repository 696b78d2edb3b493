"""Running the commands in README.md and docs/, and updating their outputs.

A block marked ``<!-- run -->`` holds commands with their output, or a Python program whose output is in the following
block marked ``<!-- output -->``. ``<!-- file: NAME -->`` marks a copy of a file, and ``<!-- write: NAME -->`` one that
the reader writes. All blocks of a page run in one folder that contains ``specs``.
``python tests/helpers/pages.py README training`` rewrites these pages; without names, all.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import caffe_networks
import darknet_networks
import keras_networks
from consoles import output_of, run_block
from image_files import photos
from mask_files import scenes
from places import ROOT, SPECS

_BLOCK = re.compile(r"^<!-- (run|output|file: \S+|write: \S+) -->\n```(\w*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_REACHED = r"(?<=loss )[\d.e-]+|(?<=top-[15] )[\d.]+"
"""Losses and accuracies of trainings, whose last digits differ between machines because of rounding."""


@dataclass(frozen=True)
class Page:
    """A page whose commands are run.

    ``measured`` matches the output that differs between machines or runs. ``slow`` is the reason why the page is left
    out of the default test run (empty: it is not). ``prepare`` puts the files that the commands read into the folder.
    ``library`` is one that these need.
    """

    name: str
    measured: str = _REACHED
    slow: str = ""
    prepare: Callable[[Path], None] = lambda folder: None
    library: str = ""

    @property
    def path(self) -> Path:
        return ROOT / self.name

    def fresh(self) -> str:
        """Run the page and return it with every block updated."""
        output = ""
        with TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(SPECS, folder / "specs")
            self.prepare(folder)

            def updated(block: re.Match[str]) -> str:
                nonlocal output
                what, kind, body = block.groups()
                if what.startswith("file: "):
                    body = (ROOT / what.removeprefix("file: ")).read_text("utf-8")
                elif what.startswith("write: "):
                    (folder / what.removeprefix("write: ")).write_text(body, "utf-8")
                elif what == "output":
                    body = output
                elif kind == "console":
                    body = run_block(body, folder)
                else:
                    output = output_of([sys.executable, "-c", body], folder)
                return f"<!-- {what} -->\n```{kind}\n{body}```\n"

            return _BLOCK.sub(updated, self.path.read_text("utf-8"))

    def without_measurements(self, text: str) -> str:
        """Return the text with everything that ``measured`` matches replaced by dots."""
        return re.sub(self.measured, "...", text, flags=re.MULTILINE)


PAGES = (
    Page("README.md", rf"[\d,.]+ images/s|\d+ % waiting|{_REACHED}|\d\.\de[-+]\d\d"),
    Page("docs/tutorial.md", slow="two trainings"),
    Page("docs/devices.md"),
    Page(
        "docs/data.md",
        r"[\d,.]+ images/s|(?:the network|reading) is the bottleneck.*|\d+ threads?|[\d.]+ MB|\d+ bytes not processed|"
        + _REACHED,
        "a training, and images that are decoded again and again",
        lambda folder: photos(folder / "photos"),
    ),
    Page("docs/caffe.md", prepare=caffe_networks.write_files),
    Page("docs/darknet.md", prepare=darknet_networks.write_files),
    Page("docs/keras.md", prepare=keras_networks.write_files, library="h5py"),
    Page("docs/classics.md"),
    Page("docs/pytorch.md", rf"{_REACHED}|(?<=PyTorch )[\w.+]+", "three programs that import torch"),
    Page(
        "docs/onnx.md",
        rf"{_REACHED}|(?<=right: )[\d.]+|(?<=read as )[\d ]+",
        "a training, and two programs that import torch or scikit-learn",
    ),
    Page(
        "docs/segmentation.md",
        r" *\d[\d,.]*(?: %(?: +#+$)?)?|(?:the network|reading) is the bottleneck.*|\d+ threads?",
        "two trainings, and five commands that each import torch",
        lambda folder: scenes(folder / "scenes"),
    ),
    Page(
        "docs/testing.md",
        r" *\d[\d,.]*(?: kB| MB| %(?: +#+$)?)?",
        "three trainings, and eight commands that each import torch",
    ),
    Page(
        "docs/training.md",
        rf"{_REACHED}|(?<=after step )\d+|^\d+ steps, .* not reached$",
        "seven trainings, of which some are killed",
    ),
)


def main(names: list[str]) -> None:
    """Rewrite the named pages, or all."""
    for page in PAGES:
        if not names or page.path.stem in names:
            page.path.write_text(page.fresh(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
