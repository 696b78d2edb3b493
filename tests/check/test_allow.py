"""The comment that silences a warning, as the editor writes it."""

from __future__ import annotations

import pytest
from checking import good

from netspec.check.allow import allowance
from netspec.diagnostics import apply

INPUT = "[i] input 3x32x32\n"
WINDOW = "[c] conv filters=4 kernel=4 stride=3 rounding=down"


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        (WINDOW, f"{WINDOW}  # allow: unread-pixels"),
        (f"{WINDOW}   ", f"{WINDOW}  # allow: unread-pixels   "),
        (f"{WINDOW}  # as printed", f"{WINDOW}  # as printed; allow: unread-pixels"),
        (f"{WINDOW}  #", f"{WINDOW}  # allow: unread-pixels"),
        (f"{WINDOW}  # allow: no-effect, cycle: why", f"{WINDOW}  # allow: no-effect, cycle, unread-pixels: why"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n[r] relu\r\n"])
def test_the_comment_is_put_where_it_is_read(line: str, allowed: str, end: str) -> None:
    text = INPUT + line + end
    (warning,) = good(text).warnings
    changed = apply([allowance(warning)], text)
    assert changed == INPUT + allowed + end
    assert good(changed).warnings == ()


def test_of_a_layer_over_several_lines_the_line_of_the_warning_is_taken() -> None:
    text = INPUT + "[c] conv filters=4  # first\n    kernel=4 stride=3  # second\n    rounding=down\n"
    (warning,) = good(text).warnings
    changed = apply([allowance(warning)], text)
    assert "# second; allow: unread-pixels\n" in changed
    assert good(changed).warnings == ()


def test_two_warnings_of_a_line_are_allowed_one_after_the_other() -> None:
    text = INPUT + "[c] fc outputs=4 neuron=relu bias=none bias_lr=1 gpu=0\n[p] softmax\n"
    for left in (2, 1, 0):
        warnings = good(text).warnings
        assert len({w.code for w in warnings}) == left
        if warnings:
            text = apply([allowance(warnings[0])], text)
    assert "# allow: relu-on-scores, no-effect" in text or "# allow: no-effect, relu-on-scores" in text
