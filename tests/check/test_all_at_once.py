"""Independent mistakes of one line come out in one run, and what only follows from them does not."""

from __future__ import annotations

from checking import mistakes


def test_all_that_is_wrong_with_the_arguments_of_one_call_is_told() -> None:
    found = mistakes("[image] input 3x8x8\n[f] fc outputs=2\ntrain optimizer=sgd(lr=-1, momntum=0.9)\n")
    assert [d.message for d in found] == [
        "optimizer: needs a number from 0, not -1",
        "optimizer: 'sgd' has no momntum; did you mean momentum?",
    ]


def test_a_shape_in_pieces_is_one_mistake() -> None:
    (found,) = mistakes("[a] input 3 x 8 x 8\n[b] conv filters=3 kernel=3\n")
    assert found.code == "stray-value"


def test_a_count_that_is_wrong_under_either_shape_is_told_too() -> None:
    head = "[a] input 3x8x8\n[b] conv filters=3 kernel=3 -> 3x6x7 "
    shape, units = mistakes(head + "units=999\n")
    assert (shape.message, units.message) == ("b is 3x6x6, not 3x6x7", "b has 108 units, not 999")
    assert [(f.title, f.checks) for f in shape.fixes] == [("claim 3x6x6 units=108", True)]
    (shape,) = mistakes(head + "units=126 weights=999\n")
    assert "weights=999 does not hold either: there are 81 weights" in shape.notes
    assert [(f.title, f.checks) for f in shape.fixes] == [("claim 3x6x6 units=108 weights=81", True)]
    (shape,) = mistakes(head + "units=126 weights=81 connections=3402\n")
    assert not any("does not hold either" in note for note in shape.notes)
