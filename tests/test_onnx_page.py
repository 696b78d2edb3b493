"""The commands and the program in docs/onnx.md print what stands there.

``PYTHONPATH=tests/helpers python tests/test_onnx_page.py`` writes the page anew.
"""

from __future__ import annotations

import re

import pytest
from places import ROOT
from readme import fresh

PAGE = ROOT / "docs" / "onnx.md"

_REACHED = re.compile(r"(?<=top-1 )[\d.]+|(?<=loss )[\d.]+|(?<=right: )[\d.]+|(?<=read as )[\d ]+")
"""What a training reaches, which differs in its last digits from one machine to another."""


@pytest.mark.slow  # a training, and two programs that import torch or scikit-learn
def test_the_page_is_what_comes_out() -> None:
    text = PAGE.read_text("utf-8")
    assert _REACHED.sub("...", fresh(text)) == _REACHED.sub("...", text)


if __name__ == "__main__":
    PAGE.write_text(fresh(PAGE.read_text("utf-8")), "utf-8")
