"""docs/data.md agrees with the code."""

from __future__ import annotations

import re

from places import ROOT

from netspec.train.data.moments import SAMPLE
from netspec.train.data.source import SOURCES
from netspec.train.data.sources.decode import MAX_PIXELS
from netspec.train.data.sources.flat_val import USUAL
from netspec.train.data.sources.shards import SHARD
from netspec.train.data.sources.synthetic import MEASURED


def test_page_lists_all_sources_and_the_limits_in_the_code() -> None:
    text = (ROOT / "docs" / "data.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", text.partition("**Image")[0], re.MULTILINE)) == {*SOURCES, "--data"}
    for number in (MAX_PIXELS, SHARD, SAMPLE, MEASURED):
        assert f"{number:,}" in text
    assert all(f"`{name}`" in text for name in USUAL)
