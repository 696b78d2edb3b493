"""The commands in docs/data.md: run in a folder with a few photos, and put back. ``python tests/train/data_page.py``
writes the page anew."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pictures import tree
from places import ROOT

PAGE = ROOT / "docs" / "data.md"

_BLOCK = re.compile(r"^<!-- run -->\n```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_MEASURED = re.compile(
    r"[\d,.]+ images/s|(?:the network|reading) is the bottleneck.*|(?<=loss )[\d.e-]+|(?<=top-[15] )[\d.]+"
    r"|\d+ threads?|[\d.]+ MB|\d+ bytes not processed"
)


def photos(root: Path) -> None:
    """24 images to train on and 6 to validate on; one empty, one cut off, one both to train and to validate on."""
    tree(root / "train", {"cat": 12, "dog": 12}, size=(320, 240))
    for name in ("cat", "dog"):
        (root / "val" / name).mkdir(parents=True)
        for place in range(3):
            (root / "train" / name / f"{9 + place}.jpg").rename(root / "val" / name / f"{place}.jpg")
    whole = (root / "val" / "dog" / "1.jpg").read_bytes()
    (root / "val" / "dog" / "1.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "train" / "cat" / "3.jpg").write_bytes(b"")
    shutil.copy(root / "train" / "dog" / "4.jpg", root / "val" / "dog" / "4.jpg")


def fresh(text: str) -> str:
    """The page with every block as it comes out now."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with TemporaryDirectory() as name:
        shutil.copytree(ROOT / "specs", Path(name, "specs"))
        photos(Path(name, "photos"))

        def run(block: re.Match[str]) -> str:
            pieces = []
            for command in re.findall(r"^\$ (.*)$", block[1], re.MULTILINE):
                done = subprocess.run(
                    ["bash", "-c", command],
                    cwd=name,
                    env={**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": ""},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                pieces += [f"$ {command}\n", *(f"{line.rstrip()}\n" for line in done.stdout.splitlines())]
            return f"<!-- run -->\n```console\n{''.join(pieces)}```\n"

        return _BLOCK.sub(run, text)


def without_measurements(text: str) -> str:
    """The text with everything that another machine measures differently as dots."""
    return _MEASURED.sub("...", text)


if __name__ == "__main__":
    PAGE.write_text(fresh(PAGE.read_text("utf-8")), "utf-8")
