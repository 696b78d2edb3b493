"""Spans: their shortest form, and fields that stay those of each unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.passes.spans import Span, joined


@pytest.mark.parametrize(
    ("span", "shortest"),
    [
        (Span(((0, 1), (1, 1)), 2), Span.regular(0, 1, 1)),
        (Span(((0, 3), (0, 2), (2, 3), (2, 2)), 4), Span(((0, 3), (0, 2)), 2)),
        # Unit 2 is 2 pixels behind unit 0, but unit 3 is only 3 behind it and not 2 behind unit 1.
        (Span(((0, 1), (5, 1), (2, 1)), 3), Span(((0, 1), (5, 1), (2, 1)), 3)),
        # A shift of 1 over 2 units is no whole number for each.
        (Span(((0, 1), (0, 1)), 1), Span(((0, 1), (0, 1)), 1)),
    ],
)
def test_shortest_form(span: Span, shortest: Span) -> None:
    assert joined([span]) == shortest


fields = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), min_size=1, max_size=6)


@given(st.builds(lambda fields, shift: Span(tuple(fields), shift), fields, st.integers(-4, 4)))
def test_shortest_form_has_the_fields_of_all_units(span: Span) -> None:
    shortest = joined([span])
    assert shortest is not None
    assert [shortest.of(unit) for unit in range(20)] == [span.of(unit) for unit in range(20)]
