"""Names of other programs as names in a spec."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.importers.identifiers import identifier


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Entrée 1", "Entree_1"),
        ("über-Größe", "uber-Gro_e"),
        ("naïve/Ångström", "naive_Angstrom"),
        ("conv１", "conv1"),
        ("层1", "_1"),
        ("3x3", "n3x3"),
        ("", "layer"),
    ],
)
def test_letters_lose_their_accents_and_other_signs_become_a_line(name: str, meant: str) -> None:
    assert identifier(name) == meant


@given(st.text(max_size=80))
def test_every_name_becomes_a_valid_one(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,60}", identifier(name))
