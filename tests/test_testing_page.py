"""The commands of docs/testing.md print what stands there."""

from __future__ import annotations

import re

import pytest
from places import ROOT
from readme import fresh

PAGE = ROOT / "docs" / "testing.md"

_NUMBER = re.compile(r"\d[\d,.]*(?: (?:kB|MB))?")
_BAR = re.compile(r" +#+$", re.MULTILINE)


def without_numbers(text: str) -> str:
    """The text as another machine would print it: what a training reaches differs in its last digits."""
    return re.sub(r" {2,}", "  ", _NUMBER.sub("0", _BAR.sub("", text)))


@pytest.mark.slow  # three trainings, and eight commands that each import torch: half a minute
def test_the_page_is_what_comes_out() -> None:
    text = PAGE.read_text()
    assert without_numbers(fresh(text)) == without_numbers(text)


def test_numbers_are_the_only_thing_left_out() -> None:
    assert without_numbers("top-1 98.61 %, step 1,320") == "top-0 0 %, step 0"
    assert without_numbers("  9   97.3 %  #####\n  5   2.6 %\n") == "  0  0 %\n  0  0 %\n"
    assert without_numbers("class fc5 is missing") != without_numbers("class conv5 is missing")
