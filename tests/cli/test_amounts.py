"""Amounts with units on the command line."""

from __future__ import annotations

import pytest

from netspec.cli.amounts import parse_bytes, parse_flops, parse_link


@pytest.mark.parametrize(
    ("text", "amount"),
    [("3GB", 3 * 10**9), ("3GiB", 3 * 2**30), ("512 MB", 512 * 10**6), ("1.5TB", 15 * 10**11), ("100B", 100)],
)
def test_parse_bytes(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


def test_parse_speeds_of_links_and_devices() -> None:
    assert (parse_link("25GB/s"), parse_link("200Gbit/s")) == (25e9, 25e9)
    assert (parse_flops("400T"), parse_flops("19.5TFLOPS"), parse_flops("1PFLOP/s")) == (400e12, 19.5e12, 1e15)


@pytest.mark.parametrize("text", ["", "3", "3gb", "GB", "-3GB", "0GB", "3GB/s", "1e9B", "3iB", "3 G B", "٣GB"])
def test_parse_bytes_rejects(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_bytes(text)


@pytest.mark.parametrize("text", ["25", "25GB", "25Gb/s", "25 giga", "0GB/s", "x"])
def test_parse_link_rejects(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_link(text)


@pytest.mark.parametrize("text", ["", "fast", "400X", "400GB", "0T", "-1T"])
def test_parse_flops_rejects(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_flops(text)
