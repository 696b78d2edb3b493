"""The notes on a refuted shape, which show the arithmetic of the computed shape."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, only_diagnostic, valid_net

from netspec.diagnostics import apply

DOWN = "(rounding=down)"


@pytest.mark.parametrize(
    ("image", "layer", "notes"),
    [
        (
            "3x20x20",  # starts 0, 4, 8, 12, 16: the last ends with pixel 18 of 0 to 19
            "maxpool kernel=3 stride=4 rounding=down -> 3x8x8",
            (f"width: (20 + 0 + 0 - 3) / 4 + 1 = 5.25, rounded to 5 {DOWN}; the last of its 20 columns unread",),
        ),
        (
            "3x8x9",  # starts 0 and 5: the last ends with pixel 6
            "maxpool kernel=2 stride=5 rounding=down -> 3x8x8",
            (
                f"width: (9 + 0 + 0 - 2) / 5 + 1 = 2.4, rounded to 2 {DOWN}; the last 2 of its 9 columns unread",
                f"height: (8 + 0 + 0 - 2) / 5 + 1 = 2.2, rounded to 2 {DOWN}; the last of its 8 rows unread",
            ),
        ),
        (
            "3x20x23",
            "maxpool kernel=3x5 stride=2 rounding=up -> 3x8x8",
            (
                "width: (23 + 0 + 0 - 5) / 2 + 1 = 10",
                "height: (20 + 0 + 0 - 3) / 2 + 1 = 9.5, rounded to 10 (rounding=up)",
            ),
        ),
        ("3x21x21", "maxpool kernel=3 stride=2 rounding=up -> 3x8x8", ("width: (21 + 0 + 0 - 3) / 2 + 1 = 10",)),
        (
            "3x21x21",  # a square image, and a window that is not square
            "maxpool kernel=3 stride=2x3 -> 3x8x8",
            ("width: (21 + 0 + 0 - 3) / 3 + 1 = 7", "height: (21 + 0 + 0 - 3) / 2 + 1 = 10"),
        ),
        ("3x20x20", "relu -> 3x21x20", ("it reads 3x20x20",)),
        ("3x20x20", "relu -> 4x20x20", ("channels: those that it reads, 3",)),
        ("3x20x20", "fc outputs=5 -> 6", ("outputs=5",)),
    ],
)
def test_notes_show_the_arithmetic_of_the_computed_shape(image: str, layer: str, notes: tuple[str, ...]) -> None:
    assert only_diagnostic(f"[i] input {image}\n[b] {layer}").notes == notes


@pytest.mark.parametrize("claim", ["3x21x21", "4x20x20"])
def test_refuted_shape_of_an_input_has_no_notes(claim: str) -> None:
    assert only_diagnostic(f"[i] input 3x20x20 -> {claim}\n[b] relu").notes == ()


def test_claims_with_channels_last_are_noted_despite_other_errors() -> None:
    """AlexNet as in a lecture's table: 224 pixels, and maps as height x width x channels.

    Layers below a window that does not fit are checked against the claim as channels x height x width.
    """
    text = """\
[image] input   3x224x224
[conv1] conv    filters=96   kernel=11  stride=4           -> 55x55x96
[pool1] maxpool kernel=3     stride=2                      -> 27x27x96
[conv2] conv    filters=256  kernel=5   pad=2  groups=2    -> 27x27x256
[fc3]   fc      outputs=10
"""
    found = diagnostics_of(text)
    assert [(d.code, d.message) for d in found] == [
        ("window-does-not-tile", "conv1's window does not tile its input"),
        ("claim-refuted", "conv1: a claim is channels x height x width, 96x55x55, and not 55x55x96"),
        ("claim-refuted", "pool1: a claim is channels x height x width, 96x27x27, and not 27x27x96"),
        ("claim-refuted", "conv2: a claim is channels x height x width, 256x27x27, and not 27x27x256"),
    ]
    assert [fix.title for d in found for fix in d.fixes[:1]] == [
        "input 3x227x227", "claim 96x55x55", "claim 96x27x27", "claim 256x27x27",
    ]  # fmt: skip
    fixed = text
    for diagnostic in reversed(found):
        fixed = apply(diagnostic.fixes[0].edits, fixed)
    assert valid_net(fixed)["conv2"].output == (256, 27, 27)


def test_claim_of_a_layer_with_shared_weights_is_corrected_with_its_counts() -> None:
    """Shared weights are counted at their owner, so the claim must say 0."""
    found = only_diagnostic(
        "[i] input 3x8x8\n[a] conv filters=3 kernel=3 pad=1\n"
        "[b] conv filters=3 kernel=3 pad=1 weights=a -> 5x8x8 weights=81"
    )
    assert [fix.title for fix in found.fixes] == ["claim 3x8x8 weights=0"]


def test_a_claim_far_below_suggests_the_input_size_that_gives_it() -> None:
    """Inception v3 reads 299 pixels: 149, 147, 147 and then 73."""
    text = (
        "net inception rounding=down\n[i] input 3x{0}x{0}\n[a] conv filters=32 kernel=3 stride=2\n"
        "[b] conv filters=32 kernel=3 neuron=relu\n[n] batchnorm\n[c] conv filters=64 kernel=3 pad=1\n"
        "[p] maxpool kernel=3 stride=2 -> 64x73x73\n"
    )
    found = only_diagnostic(text.format(224))
    assert (found.fixes[0].title, found.fixes[0].effect) == (
        "input 3x299x299",
        "gives 73 exactly; the whole network checks",
    )
    assert apply(found.fixes[0].edits, text.format(224)) == text.format(299)


@pytest.mark.parametrize(
    ("line", "notes"),
    [
        ("[p] softmax inputs=f -> 11", ("it reads 10",)),
        ("[p] relu inputs=c -> 4x32x32", ("channels: those that it reads, 8",)),
        ("[p] maxpool kernel=2 inputs=c -> 8x17x17", ("width: (32 + 0 + 0 - 2) / 2 + 1 = 16", "c makes 32 of 65")),
    ],
)
def test_rounded_window_above_is_named_only_if_the_claim_depends_on_it(line: str, notes: tuple[str, ...]) -> None:
    text = "[i] input 3x65x65\n[c] conv filters=8 kernel=2 stride=2 rounding=down\n[f] fc outputs=10\n"
    found = only_diagnostic(text + line)
    assert len(found.notes) == len(notes)
    assert all(note.startswith(start) for note, start in zip(found.notes, notes, strict=True))


def test_a_layer_claimed_to_be_as_large_as_its_input_gets_a_stride_of_1() -> None:
    """The last depthwise convolution in table 1 of MobileNet's paper has a stride of 2 and keeps 7 x 7 pixels."""
    text = "[i] input 8x7x7\n[b] conv filters=8 kernel=3 stride=2 pad=1 -> 8x{0}x{0}"
    fix, *_ = only_diagnostic(text.format(7)).fixes
    assert (fix.title, fix.effect) == ("b stride=1", "keeps 7, another function; the whole network checks")
    assert not any("stride" in fix.title for fix in only_diagnostic(text.format(5)).fixes)


@pytest.mark.parametrize(
    ("claim", "consequences"),
    [
        ("", ["f reads 288 = 8x6x6; expected 392 = 8x7x7 because of -> 8x14x14 at d: 1,040 weights fewer"]),
        (" -> 8x7x7", ["f reads 288 = 8x6x6; expected 392 = 8x7x7 because of -> 8x14x14 at d: 1,040 weights fewer"]),
        (" -> 8x9x9", ["f reads 288 = 8x6x6; expected 648 because of -> 8x9x9 at q: 3,600 weights fewer"]),
        (" -> 8x6x6", []),
    ],
)
def test_refuted_shape_is_followed_to_the_next_fully_connected_layer(claim: str, consequences: list[str]) -> None:
    """Through claims that agree with it, up to one that says something else; e does not read it."""
    text = (
        "[i] input 3x32x32\n[c] conv filters=8 kernel=5\n[p] maxpool kernel=2 stride=2\n"
        "[d] conv filters=8 kernel=3 -> 8x14x14\n[e] fc outputs=4 inputs=i\n"
        f"[q] maxpool kernel=2 stride=2 inputs=d{claim}\n[f] fc outputs=10\n[g] fc outputs=4\n[j] concat inputs=e,g\n"
    )
    notes = [note for found in diagnostics_of(text) for note in found.notes]
    assert [note for note in notes if " reads " in note] == consequences
