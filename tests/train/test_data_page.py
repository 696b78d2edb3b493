"""docs/data.md says what the code does."""

from __future__ import annotations

import re

import pytest
from data_page import PAGE, fresh, without_measurements

from netspec.train.data.decode import MAX_PIXELS
from netspec.train.data.flat_val import USUAL
from netspec.train.data.shards import SHARD
from netspec.train.data.source import SOURCES
from netspec.train.statistics import SAMPLE


@pytest.mark.slow
def test_the_commands_print_what_stands_there() -> None:
    text = PAGE.read_text("utf-8")
    assert without_measurements(fresh(text)) == without_measurements(text), "python tests/train/data_page.py"


def test_measurements_are_the_only_thing_left_out() -> None:
    assert without_measurements("read 1,234 images/s with 2 threads, loss 0.5") == "read ... with ..., loss ..."
    assert without_measurements("train: 24 images = 23 readable") == "train: 24 images = 23 readable"


def test_the_page_has_every_source_and_the_codes_numbers() -> None:
    text = PAGE.read_text("utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", text.partition("**Image")[0], re.MULTILINE)) == {*SOURCES, "--data"}
    for number in (MAX_PIXELS, SHARD, SAMPLE):
        assert f"{number:,}" in text
    assert all(f"`{name}`" in text for name in USUAL)
