"""Typical errors of new users in AlexNet: each gives one message of at most 12 lines, with a fix that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checking import alexnet, codes, diagnostics_of, only_diagnostic, refused

from netspec.diagnostics import SpecError, apply
from netspec.diagnostics.text import render
from netspec.net import load, loads


def test_input_224_with_exact_rounding_is_reported_at_conv1_with_fixes() -> None:
    found = only_diagnostic(alexnet(("  rounding=up", "")))
    assert (found.code, found.layer, found.span.line) == ("window-does-not-tile", "conv1", 10)
    text = render(found)
    assert len(text.splitlines()) <= 12
    assert "9,216" in text and "6,400" in text and "fc6" in text
    assert found.fixes and all(fix.checks for fix in found.fixes)


def test_input_224_rounded_down_is_reported_at_conv1() -> None:
    text = alexnet(("rounding=up", "rounding=down"))
    text = re.sub(r" *-> (?!256x6x6).*", "", text)
    found = only_diagnostic(text)
    assert (found.code, found.layer, found.span.text, found.span.line) == ("claim-refuted", "pool5", "kernel=11", 10)
    shown = render(found).splitlines()
    assert len(shown) <= 12
    assert shown[0] == "error[claim-refuted]: pool5 is 256x5x5, not 256x6x6: conv1 makes 54 of 224"
    assert shown[1] == "  --> a.net:10:32"
    assert shown[4].endswith("^ makes 54 of 224: (224 + 0 + 0 - 11) / 4 + 1 = 54.25, rounding=down")
    assert shown[5].startswith("19 | [pool5]") and "------- width: (12 + 0 + 0 - 3) / 2 + 1 = 5.5" in shown[6]
    assert shown[7] == (
        "   = fc6 reads 6,400 = 256x5x5; expected 9,216 because of -> 256x6x6 at pool5: 11,534,336 weights fewer"
    )
    assert found.fixes and all(fix.checks for fix in found.fixes)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kernel=5   pad=2", "kernal=5   pad=2", "conv has no key 'kernal'; did you mean kernel?"),
        ("[pool2]  maxpool", "[pool2]  maxpol ", "layer type 'maxpol' is unknown; did you mean maxpool?"),
        ("outputs=4096  bias=1", "outputs=4096  bias=1 inputs=pol5", "layer 'pol5' is unknown; did you mean pool5?"),
    ],
)
def test_misspelling_gives_six_lines_and_a_correction(old: str, new: str, message: str) -> None:
    found = only_diagnostic(alexnet((old, new)))
    assert found.message == message
    lines = render(found).splitlines()
    assert len(lines) <= 6
    assert lines[4].count("^") == len(found.span.text)
    assert [fix.checks for fix in found.fixes] == [True]


def test_several_errors_give_a_message_each() -> None:
    text = alexnet(("kernel=5   pad=2", "kernal=5   pad=2"), ("rate=0.5", "rate=5"))
    assert codes(text) == ["unknown-key", "bad-value"]
    text = alexnet(("  rounding=up", ""), ("[pool2]  maxpool", "[pool2]  maxpol "), ("outputs=1000", "outputs=x"))
    assert codes(text) == ["window-does-not-tile", "unknown-type", "bad-value"]


def test_indivisible_filters_are_reported_once() -> None:
    found = only_diagnostic(
        alexnet(("filters=96 ", "filters=97 "), ("-> 96x55x55", "-> 97x55x55"), ("-> 96x27x27", ""))
    )
    assert (found.code, found.layer) == ("groups-do-not-divide", "conv1")
    assert [f.title for f in found.fixes][:2] == ["conv1 filters=98", "conv1 filters=96"]


# Where a late claim fails because of an early layer.


def floored(*claims: tuple[str, str]) -> str:
    """Return AlexNet with rounding=down and only these claims, given as (start of the line, claim)."""
    text = re.sub(r" *->.*", "", alexnet(("rounding=up", "rounding=down")))
    for beginning, claim in claims:
        assert beginning in text
        text = re.sub(rf"^({re.escape(beginning)}[^#\n]*)", rf"\1 {claim}", text, flags=re.MULTILINE)
    return text


FC6 = "-> 4096 weights=37748736"


@pytest.mark.parametrize(
    ("text", "message", "excerpts"),
    [
        (floored(("[pool5]", "-> 256x6x6")), "pool5 is 256x5x5, not 256x6x6", ("6,400 = 256x5x5", "9,216")),
        (floored(("[fc6]", FC6)), "fc6 has 26,214,400 weights, not 37,748,736", ("6,400 inputs", "9,216 inputs")),
        (
            floored(("[fc6]", "-> connections=37748736")),
            "fc6 has 26,214,400 connections, not 37,748,736",
            ("6,400 inputs", "9,216 inputs"),
        ),
        (
            floored().replace("[fc6]", "[flat]   flatten gpu=all -> 9216\n[fc6]"),
            "flat is 6400, not 9216",
            ("256x5x5", "fc6 reads 6,400; expected 9,216 because of -> 9216 at flat"),
        ),
    ],
)
def test_conv1_is_marked_and_every_fix_works(text: str, message: str, excerpts: tuple) -> None:
    found = only_diagnostic(text)
    shown = render(found)
    assert len(shown.splitlines()) <= 12
    assert found.message == f"{message}: conv1 makes 54 of 224"
    assert (found.span.line, found.span.text) == (10, "kernel=11")
    assert all(part in shown for part in excerpts)
    assert [fix.title for fix in found.fixes] == [
        "input 3x227x227, crop=227",
        "net rounding=up",
        "conv1 pad=1,2,1,2",
        "conv1 pad=2 rounding=down",
    ]
    for fix in found.fixes:
        assert fix.checks
        assert loads(apply(fix.edits, text))["fc6"].weights == 37_748_736


def test_rounding_down_is_rejected_by_the_claim_of_fc6() -> None:
    found = only_diagnostic(floored(("[fc6]", FC6)).replace("rounding=down", "rounding=exact"))
    assert (found.code, found.layer, len(render(found).splitlines())) == ("window-does-not-tile", "conv1", 12)
    (rejected,) = found.rejected
    assert rejected.effect == (
        "gives 54: fc6 would have 6,400 inputs * 4,096 outputs = 26,214,400; 37,748,736 would be 9,216 inputs * "
        "4,096 outputs"
    )


@pytest.mark.parametrize(
    ("line", "pad", "cause"),
    [
        ("[conv2]", "   pad=2", "conv2 makes 23 of 27: (27 + 0 + 0 - 5) / 1 + 1 = 23"),
        ("[conv5]", "   pad=1", "conv5 makes 11 of 13: (13 + 0 + 0 - 3) / 1 + 1 = 11"),
    ],
)
def test_convolution_without_its_padding_is_the_cause(line: str, pad: str, cause: str) -> None:
    text = "\n".join(
        re.sub(r" *-> (?!256x6x6).*", "", old).replace(pad, "") if old.startswith(line) else
        re.sub(r" *-> (?!256x6x6).*", "", old)
        for old in alexnet().split("\n")
    )  # fmt: skip
    found = only_diagnostic(text)
    assert found.message == "pool5 is 256x5x5, not 256x6x6: " + cause.partition(":")[0]
    assert cause.partition(" ")[2] in [label.text for label in found.labels]
    assert loads(apply(found.fixes[0].edits, text))["fc6"].weights == 37_748_736


def test_neither_of_two_possible_causes_is_marked() -> None:
    text = "[i] input 3x20x20\n[c] conv filters=4 kernel=3\n[d] conv filters=4 kernel=3\n[e] relu -> 4x18x18"
    found = only_diagnostic(text)
    assert [fix.title for fix in found.fixes][:2] == ["c pad=1", "d pad=1"]
    assert (found.span.text, found.labels) == ("4x18x18", ())


def test_layer_whose_change_does_not_help_is_not_marked() -> None:
    found = only_diagnostic(floored(("[conv1]", "-> 96x54x54"), ("[pool5]", "-> 256x9x9")))
    assert (found.span.text, found.labels, found.message) == ("256x9x9", (), "pool5 is 256x5x5, not 256x9x9")


def test_variants_change_that_breaks_an_inherited_layer_is_shown(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(alexnet())
    variant = tmp_path / "v.net"
    variant.write_text("net v from=base.net rounding=down\n[pool5] kernel=3 -> 256x6x6\n")
    found = refused(load, variant)
    lines = render(found).splitlines()
    assert lines[0] == "error[claim-refuted]: pool5 is 256x5x5, not 256x6x6: conv1 makes 54 of 224"
    assert lines[1] == f" --> {variant}:1:21"
    assert lines[4].endswith("^^^^^^^^^^^^^ because of this")
    assert lines[5].startswith(f" ::: {tmp_path / 'base.net'}:10:32: makes 54 of 224: ")
    assert lines[8].startswith("  = fc6 reads 6,400 = 256x5x5; expected 9,216 because of -> 256x6x6 at pool5")
    assert len(lines) <= 12
    titles = ["input 3x227x227, crop=227", "net rounding=up", "conv1 pad=1,2,1,2"]
    assert [fix.title for fix in found.fixes] == titles
    for fix in found.fixes:
        assert {edit.span.source.name for edit in fix.edits} == {str(variant)}
        variant.write_text(apply(fix.edits, found.span.source.text))
        assert load(variant)["fc6"].weights == 37_748_736


def test_wrong_layer_inherited_unchanged_is_shown_in_the_base(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(alexnet().replace("rounding=up", "rounding=down").replace(" -> 96x55x55", ""))
    variant = tmp_path / "v.net"
    variant.write_text("net v from=base.net\n[pool5] kernel=3 -> 256x6x6\n")
    with pytest.raises(SpecError) as caught:
        load(variant)
    found = next(d for d in caught.value.diagnostics if d.layer == "pool5")
    assert (found.span.source.name, found.span.line) == (str(tmp_path / "base.net"), 10)


# Words and habits of other tools.


@pytest.mark.parametrize(
    ("line", "message", "fix"),
    [
        ("fc 10", "fc does not take '10' without a key; did you mean outputs=10?", "write outputs=10"),
        ("dropout 0.5", "dropout does not take '0.5' without a key; did you mean rate=0.5?", "write rate=0.5"),
        (
            "conv 2 3x3",
            "not take '2 ... 3x3' without a key; did you mean filters=2 kernel=3x3?",
            "write filters=2 kernel=3x3",
        ),
        (
            "conv filters=2 kernel=3 relu",
            "not take 'relu' without a key; did you mean neuron=relu?",
            "write neuron=relu",
        ),
        ("avgpool global", "did you mean kernel=global?", "write kernel=global"),
        ("sum i i", "did you mean inputs=i,i?", "write inputs=i,i"),
        ("maxpool pool_size=2", "maxpool has no key 'pool_size'; did you mean kernel?", "write kernel"),
        ("maxpool kernel=2,2", "not '2,2'", "write 2x2"),
        ("conv filters=2 kernel=3 pad=1,2", "not 2 numbers", "write 2,2,1,1"),
        ("conv filters=2 kernel=5 pad=same", "not 'same'", "write 2"),
        ("maxpool kernel=3 stride=2 rounding=ceil", "'ceil' is unknown; did you mean up?", "write up"),
        ("conv filters=2 kernel=3 init=kaiming", "'kaiming' is unknown; did you mean he?", "write he"),
        (
            "conv filters=2 kernel=3 init=zeros_()",
            "'zeros_' is unknown; did you mean constant(0)?",
            "write constant(0)",
        ),
        ("conv filters=2 kernel=3 bias=ones", "'ones' is unknown; did you mean constant(1)?", "write constant(1)"),
        ("lrn size=5 alpha=1e-4 bias=2", "not of lrn; did you mean k?", "write k"),
        ("linear outputs=2", "outputs is a key of fc, not of linear; did you mean fc?", "write fc"),
        ("batchnorm affine=True", "'True' is unknown; did you mean yes?", "write yes"),
        ("conv filters=2 3x3", "conv does not take '3x3' without a key; did you mean kernel=3x3?", "write kernel=3x3"),
        ("conv filters=3 kernel=3 cardinality=3", "did you mean groups?", "write groups"),
        ("reshape shape=192", "reshape has no key 'shape'; did you mean size?", "write size"),
        ("conv filters=2 kernel=3x1 pad=1x0", "not '1x0'", "write 0,0,1,1"),
        ("fc outputs=4,096", "not '4,096'", "write 4096"),
        ("dropout drop=0.5", "dropout has no key 'drop'; did you mean rate?", "write rate"),
        ("maxpool pool=2", "maxpool has no key 'pool'; did you mean kernel?", "write kernel"),
        ("max kernel=2 stride=2", "kernel is a key of maxpool, not of max; did you mean maxpool?", "write maxpool"),
        ("sum kernel=2", "kernel is a key of sumpool, not of sum; did you mean sumpool?", "write sumpool"),
        ("fc outputs=2 bias=true", "not 'true'", "write 0"),
        ("conv filters=2 kernel=3 bias=False", "not 'False'", "write none"),
    ],
)
def test_words_of_other_tools_give_one_message_with_the_right_word(line: str, message: str, fix: str) -> None:
    found = only_diagnostic(f"[i] input 3x8x8\n[a] {line}")
    assert found.message.endswith(message)
    assert [(f.title, f.checks) for f in found.fixes] == [(fix, True)]


def test_count_that_includes_biases_is_recognised() -> None:
    """C1 of LeNet-5 in its paper: 156 trainable parameters and 122,304 connections, (25 + 1) * 6 and * 28 * 28."""
    c1 = "[i] input 1x32x32\n[c1] conv filters=6 kernel=5 -> 6x28x28"
    assert (
        "150 weights + 6 biases = 156; biases are not counted as weights" in only_diagnostic(f"{c1} weights=156").notes
    )
    note = "117,600 + 4,704 units' biases = 122,304; biases are not counted as connections"
    assert note in only_diagnostic(f"{c1} connections=122304").notes


def test_table_with_semicolons_is_rewritten() -> None:
    found = only_diagnostic("[i] input 3x8x8\n[a] conv kernel=3 filters=2 table=0,1;1,2")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [("write table=0+1,1+2", True)]


@pytest.mark.parametrize(
    ("text", "excerpt", "fix"),
    [
        ("[i] input 224x224", "224x224 pixels in colour are 3x224x224", None),
        ("[i] input 1x3x224x224", "the number of images is not part of a shape", "write 3x224x224"),
        ("[i] input shape=3x8x8", "it is written after the type: input 3x8x8", "write 3x8x8"),
        ("[i] input 3 224 224", "does not take '224 ... 224' without a key", "write 3x224x224"),
        ("[i] input 3x8x8 mean=imagenet", "of pixels from 0 to 1: range=1", "write 0.485,0.456,0.406 range=1"),
        ("[i] input 3x8x8 std=imagenet range=1", "of pixels from 0 to 1: range=1", "write 0.229,0.224,0.225"),
        ("[i] input 3x8x8 range=0,255", "not '0,255'", "write 255"),
        ("[i] input 3x8x8 range=256", "not '256'", "write 255"),
        ("[i] input 3x8x8 range=-1,1", "make -1 to 1 of 0 to 1", "write 1 mean=0.5 std=0.5"),
        ("[i] input 3x8x8 range=-1,1 mean=image", "make -1 to 1 of 0 to 1", "write 1 std=0.5"),
        ("[i] input 3x8x8 mean=[0.5,0.4,0.4]", "lists are written without brackets", "write mean=0.5,0.4,0.4"),
        ("[i] input 3x8x8\n[a] relu\n[b] sum inputs=(i, a)", "brackets are only for the numbers", "write inputs=i,a"),
        ("[i] input 3x8x8\n[c] conv filters=2 kernel=3 pad=(1,2)", "brackets", "write pad=2,2,1,1"),
        ("[i] input 8\n[c] fc outputs=2 init=(gaussian, 0.01)", "brackets", "write init=gaussian(0.01)"),
    ],
)
def test_shapes_and_lists_in_other_notations_are_rewritten(text: str, excerpt: str, fix: str | None) -> None:
    found = only_diagnostic(text)
    assert any(excerpt in line for line in (found.message, *found.notes))
    assert [(f.title, f.checks) for f in found.fixes] == ([(fix, True)] if fix else [])


@pytest.mark.parametrize(
    ("line", "excerpt"),
    [
        ("optimizer sgd", "it is a key of train: train optimizer=..."),
        ("relu inplace", "relu is a layer type, and a layer begins with its name in brackets"),
        ("solver batch=2", "did you mean train?"),
        ("train base_lr=0.01", "did you mean lr, an argument of optimizer?"),
        ("train gamma=0.1", "schedule=step(every=30, factor=0.1)"),
        ("train schedule=multistep(30, 60)", "did you mean steps?"),
        ("train schedule=step(30, 60, 80)", "several epochs are the arguments of steps"),
        ("train schedule=step(30, 60)", "several epochs are the arguments of steps"),
        ("train max_iter=1000", "did you mean steps?"),
        ("train loss=crossentropy", "[loss] crossentropy"),
        ("augment hflip=horizontal", "did you mean flip=horizontal?"),
        ("augment resize=256", "did you mean from=256?"),
        ("net name=a", "a net's name follows the word"),
    ],
)
def test_settings_in_words_of_other_tools_are_explained(line: str, excerpt: str) -> None:
    found = diagnostics_of(f"[i] input 3x8x8\n[f] fc outputs=2\n{line}\n")
    assert any(excerpt in text for d in found for text in (d.message, *d.notes))


def test_default_line_without_values_gives_a_warning() -> None:
    (found,) = loads("default relu\n[i] input 3x8x8\n[a] relu\n").warnings
    assert (found.code, found.span.text) == ("no-effect", "relu")


@pytest.mark.parametrize(
    ("word", "number"), [("learning_rate", "lr"), ("momentun", "momentum"), ("decay", "weight_decay")]
)
def test_optimizer_argument_under_another_name_is_recognised(word: str, number: str) -> None:
    found = only_diagnostic(f"[i] input 3x8x8\n[a] fc outputs=2\ntrain {word}=0.5")
    assert found.message == f"train has no key '{word}'; did you mean {number}, an argument of optimizer?"
    assert found.notes[0].startswith(f"optimizer=sgd({number}=0.5);")


def test_optimizer_arguments_are_merged_in_the_suggestion() -> None:
    start = "[i] input 3x8x8\n[a] fc outputs=2\ntrain "
    found = only_diagnostic(start + "optimizer=sgd(0.01, momentum=0.5, weight_decay=5e-4) lr=0.1")
    assert found.notes[0].startswith("optimizer=sgd(lr=0.1, momentum=0.5, weight_decay=5e-4);")
    found = only_diagnostic(start + "lr=0.1 weight_decay=0.1")
    assert found.message == "lr and weight_decay are arguments of optimizer, not keys of train"
    assert found.notes[0].startswith("optimizer=sgd(lr=0.1, weight_decay=0.1);")


@pytest.mark.parametrize(
    ("keys", "fixed"),
    [
        ("epochs=3 lr=0.1 momentum=0.9 wd=5e-4 batch=2",
         "epochs=3 optimizer=sgd(lr=0.1, momentum=0.9, weight_decay=5e-4) batch=2"),
        ("optimizer=sgd(0.1) epochs=3 momentum=0.9", "optimizer=sgd(lr=0.1, momentum=0.9) epochs=3"),
        ("optimizer=sgd(lr=0.1) lr=0.2", None),  # which one?
        ("lr=0.1 base_lr=0.2", None),
    ],
)  # fmt: skip
def test_optimizer_arguments_are_moved_into_its_brackets(keys: str, fixed: str | None) -> None:
    start = "[i] input 3x8x8\n[a] fc outputs=2\ntrain "
    found = only_diagnostic(start + keys)
    assert [(apply(fix.edits, start + keys), fix.checks) for fix in found.fixes] == (
        [(start + fixed, True)] if fixed else []
    )


def test_misspelt_train_key_is_not_taken_for_an_optimizer_argument() -> None:
    assert only_diagnostic("[i] input 3x8x8\n[a] fc outputs=2\ntrain epoch=3").message.endswith("did you mean epochs?")


LAST = "the input is 224x224x3, which is channels x height x width; did you mean input 3x224x224?"


def test_channels_last_are_noted_if_moving_them_is_not_enough() -> None:
    text = alexnet(("3x224x224", "224x224x3"), ("  rounding=up", ""))
    found = {d.code: d for d in diagnostics_of(text)}
    assert LAST in found["kernel-too-large"].notes
    assert LAST in found["crop-differs"].notes


def test_moving_the_channels_first_is_offered_if_it_is_enough() -> None:
    found = only_diagnostic("[i] input 224x224x3\n[c] conv filters=3 kernel=1\naugment crop=224")
    assert found.code == "crop-differs" and not found.notes
    assert found.fixes[0].title == "input 3x224x224" and found.fixes[0].checks
