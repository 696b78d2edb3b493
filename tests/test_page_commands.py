"""Every command in README.md and docs/ prints the output shown below it."""

from __future__ import annotations

import pytest
from pages import PAGES, Page

BY_NAME = {page.path.stem: page for page in PAGES}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=name, marks=pytest.mark.slow if page.slow else pytest.mark.ci)
        for name, page in BY_NAME.items()
    ],
)
def test_page_outputs_are_up_to_date(page: Page) -> None:
    if page.library:
        pytest.importorskip(page.library, reason=f"{page.library} is not installed")
    fresh, text = page.fresh(), page.path.read_text("utf-8")
    assert page.without_measurements(fresh) == page.without_measurements(text), (
        f"run python tests/helpers/pages.py {page.path.stem} to update it"
    )


@pytest.mark.parametrize(
    ("name", "text", "masked"),
    [
        ("README", "loss 0.5, top-1 98.9 %, 1,024 images/s", "loss ..., top-1 ... %, ..."),
        ("README", "60,965,224 parameters", "60,965,224 parameters"),
        ("devices", "peak 1.2 GB", "peak 1.2 GB"),
        ("data", "read 1,234 images/s with 2 threads, loss 0.5", "read ... with ..., loss ..."),
        ("data", "train: 24 images = 23 readable", "train: 24 images = 23 readable"),
        ("testing", "top-1 98.61 %, step 1,320", "top-......, step..."),
        ("testing", "  9   97.3 %  #####", "......"),
        ("testing", "class fc5 is missing", "class fc... is missing"),
        ("training", "continuing after step 80", "continuing after step ..."),
        ("training", "94 steps, 7,190 images drawn: 6,016 used, 1,054 not reached", "..."),
        ("training", "660 steps, 43,140 images drawn", "660 steps, 43,140 images drawn"),
    ],
)
def test_only_measurements_are_masked(name: str, text: str, masked: str) -> None:
    assert BY_NAME[name].without_measurements(text) == masked
