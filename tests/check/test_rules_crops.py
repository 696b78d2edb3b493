"""Crops must have the input's size, and images must be large enough for them."""

from __future__ import annotations

import pytest
from checking import codes, only_diagnostic, position_of, valid_net

import netspec
from netspec.ir.settings import Cutout, RandAugment, RandomErasing, TrivialAugment
from netspec.language.variants import apply

IMAGE = "[image] input 4x8x8"


@pytest.mark.parametrize(("image", "wrong"), [("4x8x8", 7), ("4x8x8", 9), ("4x8x6", 8), ("4x8x6", 6)])
def test_crop_must_equal_the_input(image: str, wrong: int) -> None:
    found = only_diagnostic(f"augment crop={wrong}\n[image] input {image}")
    assert (found.code, position_of(found)) == ("crop-differs", (1, 9, f"crop={wrong}"))
    assert found.message == f"crops of {wrong} x {wrong} pixels do not fit an input of {image}"


def test_crop_of_a_vector_is_an_error() -> None:
    assert codes("augment crop=28\n[data] input 784") == ["crop-differs"]


def test_crop_must_not_exceed_the_resized_image() -> None:
    found = only_diagnostic("augment crop=8 from=7\n" + IMAGE)
    assert (found.code, [s.text for s in found.spans]) == ("crop-too-large", ["crop=8", "from=7"])


@pytest.mark.parametrize(("image", "least"), [("4x8x8", 8), ("4x8x6", 6)])
def test_input_must_not_exceed_the_resized_image_without_crop(image: str, least: int) -> None:
    assert valid_net(f"augment from={least}\n[image] input {image}").graph.augment.resize == least
    found = only_diagnostic(f"augment from={least - 1}\n[image] input {image}")
    assert (found.code, position_of(found)) == ("crop-too-large", (1, 9, f"from={least - 1}"))
    assert found.message == f"an input of {image} cannot be cut from images whose shorter side is {least - 1}"


def test_images_are_padded_by_less_than_the_crop() -> None:
    augment = valid_net(f"augment pad=7 fill=mean\n{IMAGE}").graph.augment
    assert (augment.pad, augment.fill, augment.resize) == (7, "mean", None)
    found = only_diagnostic("augment pad=6\n[image] input 4x8x6")
    assert (found.code, position_of(found)) == ("bad-value", (1, 9, "pad=6"))
    assert found.message == "with 6 pixels of padding, a crop of 6 can be padding alone"


def test_padding_does_not_make_an_image_larger_for_validation() -> None:
    found = only_diagnostic(f"augment crop=8 from=7 pad=2\n{IMAGE}")
    assert found.notes == ("from= is the size before the padding, from which validation is cut",)


def test_colour_of_no_padding_is_a_warning() -> None:
    (found,) = valid_net(f"augment fill=mean\n{IMAGE}").warnings
    assert (found.code, position_of(found)) == ("no-effect", (1, 9, "fill=mean"))


@pytest.mark.parametrize("keys", ["pad=0 fill=mean", "area=none aspect=0.5,2"])
def test_what_goes_with_padding_or_areas_may_stay_where_these_are_switched_off(keys: str) -> None:
    assert valid_net(f"augment {keys}\n{IMAGE}").warnings == ()


def test_sides_areas_and_aspects_are_read() -> None:
    augment = valid_net(f"augment from=12,21\n{IMAGE}").graph.augment
    assert (augment.resize, augment.sides, augment.areas) == (16, (12, 21), None)
    assert valid_net(f"augment from=12,12\n{IMAGE}").graph.augment.sides is None
    net = valid_net(f"augment from=10 area=0.08,1 aspect=0.5,2\n{IMAGE}\ntest from=9")
    augment = net.graph.augment
    assert (augment.resize, augment.areas, augment.aspects, net.graph.test.resize) == (10, (0.08, 1), (0.5, 2), 9)


@pytest.mark.parametrize(
    ("keys", "message", "fix"),
    [
        ("area=0.08", "area: needs two numbers above 0 up to 1, the least and the greatest: 0.08,1, not", "0.08,1"),
        ("area=1,0.08", "area: has the least first: 0.08,1", "0.08,1"),
        ("area=8,100", "area: needs a number above 0 up to 1, not 8", "0.08,1"),
        ("area=0.1,0.2,0.3", "area: needs two numbers above 0 up to 1, the least", None),
        ("area=0.1,1 aspect=2,0.5", "aspect: has the least first: 0.5,2", "0.5,2"),
        ("area=0.1,1 aspect=0.75", "aspect: needs two numbers above 0, the least and the greatest", "0.75,0.75"),
        ("from=16,9", "from: has the least first: 9,16", "9,16"),
        ("from=9,16,20", "from: needs a whole number from 1, or the least and the greatest: 256,512, not 3", None),
        ("from=9,16 area=0.1,1", "from= with two numbers and area= both draw the size of a crop", "12"),
        ("pad=2 area=0.1,1", "pad= is for images of one size, and area= draws the size", "leave out pad=2"),
        ("pad=2 from=9,16", "pad= is for images of one size, and from= draws the size", "leave out pad=2"),
        ("pad=2\ntest from=9", "pad= is for images of the size of validation", "leave out pad=2"),
    ],
)
def test_mistakes_in_drawn_sizes_have_fixes(keys: str, message: str, fix: str | None) -> None:
    found = only_diagnostic(f"{IMAGE}\naugment {keys}")
    assert (found.code, found.message[: len(message)]) == ("bad-value", message)
    assert [one.title.removeprefix("write ") for one in found.fixes] == ([fix] if fix else [])


@pytest.mark.parametrize("keys", ["augment from=7,16", "augment crop=8 from=7,16", "test from=7"])
def test_every_drawn_image_and_every_tested_one_is_as_large_as_the_crop(keys: str) -> None:
    assert codes(f"{keys}\n{IMAGE}") == ["crop-too-large"]


@pytest.mark.parametrize("key", ["crop=8 from=4,16", "from=4,16"])
def test_smaller_images_are_padded_if_the_line_says_the_colour(key: str) -> None:
    augment = valid_net(f"augment {key} fill=black\n{IMAGE}").graph.augment
    assert (augment.sides, augment.resize, augment.fill) == ((4, 16), 10, "black")
    fixes = only_diagnostic(f"augment {key}\n{IMAGE}").fixes
    assert [(fix.title, fix.checks) for fix in fixes] == [
        (f"pad smaller images: fill={c}", True) for c in ("mean", "black")
    ]
    fixes = only_diagnostic(f"augment {key} fill=reflect\n{IMAGE}").fixes
    assert [fix.title for fix in fixes] == ["write mean", "write black"]


def test_images_of_validation_are_not_padded() -> None:
    text = f"augment from=4,8 fill=mean\n{IMAGE}"
    found = only_diagnostic(text)
    assert (found.code, found.notes) == (
        "crop-too-large",
        ("validation reads images of 6, the mean of the two numbers, if test from= says no other side",),
    )
    assert valid_net(f"{text}\ntest from=8").graph.augment.sides == (4, 8)
    assert codes(f"{text}\ntest from=7") == ["crop-too-large"]
    (warning,) = valid_net(f"augment from=8,16 fill=mean\n{IMAGE}").warnings
    assert warning.code == "no-effect"


@pytest.mark.parametrize("keys", ["aspect=0.5,2", "from=9 area=0.1,1\ntest from=10"])
def test_a_key_that_another_one_replaces_is_a_warning(keys: str) -> None:
    (found,) = valid_net(f"augment {keys}\n{IMAGE}").warnings
    assert (found.code, position_of(found)[1]) == ("no-effect", 9)


def test_another_input_drops_sizes_that_are_too_small_for_it() -> None:
    text = f"augment from=10,20\ntest from=12\n{IMAGE}"
    kept, larger = (netspec.loads(text, input=(4, side, side)).graph for side in (10, 14))
    assert (kept.augment.sides, kept.augment.resize, kept.test.resize) == ((10, 20), 15, 12)
    assert (larger.augment.sides, larger.augment.resize, larger.test.resize) == (None, None, None)
    padded = netspec.loads(text.replace("20", "20 fill=mean"), input=(4, 14, 14)).graph
    assert (padded.augment.sides, padded.test.resize) == ((10, 20), None)
    assert (
        netspec.loads(text.replace("20", "20 fill=mean"), input=(4, 30, 30)).warnings == ()
    )  # of the file, not of this


@pytest.mark.parametrize(
    ("other", "meant"),
    [
        ("padding=2", "pad=2"),
        ("scale=0.08,1", "area=0.08,1"),
        ("area=0.1,1 ratio=0.5,2", "aspect=0.5,2"),
        ("aspect_ratio=1,1", "aspect=1,1"),
        ("resize=12", "from=12"),
        ("resize=12,16", "from=12,16"),
        ("RandomResizedCrop=0.08,1", "area=0.08,1"),
        ("cutout=4", "erase=cutout(4)"),
        ("random_erase=0.2", "erase=random(0.2)"),
        ("reprob=0.1", "erase=random(0.1)"),
        ("pad=1 padding_mode=reflect", "fill=reflect"),
        ("mixup_alpha=0.2", "mixup=0.2"),
        ("cutmix_alpha=1", "cutmix=1"),
        ("hflip=0.5", "flip=horizontal"),
        ("horizontal_flip=True", "flip=horizontal"),
        ("RandomHorizontalFlip=0.5", "flip=horizontal"),
        ("mirror=false", "flip=none"),
        ("hflip=0.0", "flip=none"),
    ],
)
def test_keys_of_other_tools_are_translated(other: str, meant: str) -> None:
    found = only_diagnostic(f"{IMAGE}\naugment {other}")
    assert found.message.endswith(f"did you mean {meant}?")
    assert [fix.title for fix in found.fixes] == [f"write {meant}"]


@pytest.mark.parametrize(
    ("other", "fixes"),
    [
        ("flip=0.5", ["write horizontal"]),
        ("flip=0", ["write none"]),
        ("flip=0.3", []),
        ("hflip=0.3", []),
    ],
)
def test_probabilities_of_mirror_images_are_explained(other: str, fixes: list[str]) -> None:
    found = only_diagnostic(f"augment {other}\n{IMAGE}")
    assert "a probability of one half" in found.notes[0]
    assert [fix.title for fix in found.fixes] == fixes


@pytest.mark.parametrize(("other", "fixes"), [("vflip=0.5", []), ("vertical_flip=False", ["leave out {}"])])
def test_images_are_not_turned_upside_down(other: str, fixes: list[str]) -> None:
    found = only_diagnostic(f"augment {other}\n{IMAGE}")
    assert found.notes == ("a spec does not turn, shear or invert images",)
    assert [fix.title for fix in found.fixes] == [fix.format(other) for fix in fixes]


@pytest.mark.parametrize(
    ("other", "meant"),
    [
        ("crop=8 scale=(0.08, 1.0)", "crop=8 area=0.08,1.0"),
        ("RandomResizedCrop(8, scale=(0.08, 1.0))", "crop=8 area=0.08,1.0"),
        ("flip=none v2.RandomResizedCrop(size=8, ratio=(0.5, 2))", "flip=none crop=8 area=0.08,1 aspect=0.5,2"),
        ("RandomResizedCrop(8, scale=(0.25, 1), ratio=(1.0, 1)) crop=8", "area=0.25,1 aspect=1.0,1 crop=8"),
    ],
)
def test_pairs_in_brackets_lose_them(other: str, meant: str) -> None:
    text = f"augment {other}\n[image] input 3x8x8"
    found = only_diagnostic(text)
    if "v2." not in other:
        assert found.notes == ("several numbers are written without brackets: area=0.08,1",)
    (fix,) = found.fixes
    assert fix.checks and apply(fix.edits, text) == text.replace(other, meant)


@pytest.mark.parametrize(
    ("other", "note"),
    [
        ("RandomResizedCrop(224)", "random resized crops are augment area=0.08,1"),
        ("PadIfNeeded(512, 512)", "with augment from=260,1040 fill=black, images that are scaled to less"),
        ("CenterCrop(224)", "augment from= is the side that images are scaled to"),
        ("RandomHorizontalFlip", "it is augment flip=horizontal"),
        ("Normalize(0.5, 0.5)", "it is mean=0.485,0.456,0.406"),
        ("AutoAugment", "augment policy=trivialaugment and policy=randaugment(2, 9)"),
    ],
)
def test_transforms_of_other_tools_are_explained(other: str, note: str) -> None:
    found = only_diagnostic(f"augment {other}\n{IMAGE}")
    assert found.code == "stray-value" and note in found.notes[0]


@pytest.mark.parametrize(
    ("transform", "meant"),
    [
        ("RandomCrop(8)", "crop=8"),
        ("RandomCrop(8, padding=2)", "crop=8 pad=2"),
        ("transforms.RandomCrop(8, padding=2, padding_mode=reflect)", "crop=8 pad=2 fill=reflect"),
        ("RandomResizedCrop(8)", "crop=8 area=0.08,1"),
        ("RandomHorizontalFlip()", "flip=horizontal"),
        ("RandomHorizontalFlip(p=0.5)", "flip=horizontal"),
        ("RandomErasing(p=0.25)", "erase=random(0.25)"),
        ("RandomErasing", "erase=random"),
        ("RandomErasing(0.25, value=random)", "erase=random(0.25, fill=noise)"),
        ("RandomErasing(value=0)", "erase=random"),
        ("RandAugment(2, 9)", "policy=randaugment(count=2, magnitude=9)"),
        ("RandAugment(magnitude=7)", "policy=randaugment(magnitude=7)"),
        ("v2.TrivialAugmentWide()", "policy=trivialaugment"),
        ("Cutout(length=4)", "erase=cutout(4)"),
        ("ColorJitter(0.4, 0.3)", "colour=jitter(brightness=0.4, contrast=0.3)"),
        ("ColorJitter(contrast=0.4)", "colour=jitter(contrast=0.4)"),
        ("v2.MixUp(alpha=0.2, num_classes=8)", "mixup=0.2"),
        ("CutMix()", "cutmix=1"),
        ("Resize(12)", "from=12"),
        ("crop=RandomResizedCrop(8)", "crop=8 area=0.08,1"),
        ("erase=RandomErasing(p=0.25)", "erase=random(0.25)"),
        ("flip=RandomHorizontalFlip()", "flip=horizontal"),
        ("mixup=MixUp(0.2)", "mixup=0.2"),
    ],
)
def test_transforms_of_torchvision_are_translated(transform: str, meant: str) -> None:
    text = f"augment {transform}\n[image] input 3x8x8"
    (fix,) = only_diagnostic(text).fixes
    assert apply(fix.edits, text) == text.replace(transform, meant)


def test_a_crop_that_the_line_has_is_not_written_twice() -> None:
    found = only_diagnostic(f"augment crop=8 RandomCrop(8, padding=2)\n{IMAGE}")
    assert [fix.title for fix in found.fixes] == ["write pad=2"]


@pytest.mark.parametrize(
    "transform",
    [
        *("RandomHorizontalFlip(0.3)", "RandomErasing(0.25, ratio=0.3)", "RandomCrop(8, pad_if_needed=True)"),
        *(
            "RandomCrop(8, padding=2, padding_mode=edge)",
            "Cutout",
            "ColorJitter()",
            "Resize(a)",
            "RandAugment(2, 9)",
            "Resize(1, 2)",
        ),
    ],
)
def test_transforms_that_a_spec_does_not_have_are_not_translated(transform: str) -> None:
    assert only_diagnostic(f"augment {transform}\n{IMAGE}").fixes == ()


@pytest.mark.parametrize("key", ["policy=rand-m9-inc1", "policy=rand-m9-mstd0.5", "aa=rand-m9-mstd0.5-inc1"])
def test_policies_of_timm_are_explained(key: str) -> None:
    found = only_diagnostic(f"augment {key}\n{IMAGE}")
    assert "much like augment policy=randaugment(2, 27)" in found.notes[0] and not found.fixes


@pytest.mark.parametrize("key", ["aa=rand-m9-inc1", "auto_augment=ta_wide"])
def test_keys_of_policies_are_explained(key: str) -> None:
    found = only_diagnostic(f"augment {key}\n{IMAGE}")
    assert found.code == "unknown-key" and "policy=trivialaugment and policy=randaugment(2, 9)" in found.notes[0]


def test_policies_are_read() -> None:
    def policy(text: str) -> object:
        return valid_net(f"augment policy={text}\n[image] input 3x8x8").graph.augment.policy

    assert policy("trivialaugment") == TrivialAugment()
    assert (policy("randaugment"), policy("randaugment(3, 0)")) == (RandAugment(2, 9), RandAugment(3, 0))
    assert policy("none") is None
    found = only_diagnostic("augment policy=trivialaugment\n[image] input 5x8x8")
    assert (
        found.code == "needs-colour" and found.message == "policy changes colours and moves pixels, and image is 5x8x8"
    )
    found = only_diagnostic("augment policy=trivialaugment pad=1 fill=mean\n[image] input 3x8x8")
    assert found.message == "the mean as padding has no colours that a policy could change"
    for text in ("randaugment(0)", "randaugment(11)", "randaugment(2, 31)", "trivialaugment(2)"):
        assert only_diagnostic(f"augment policy={text}\n[image] input 3x8x8").code == "bad-value"


def test_what_is_erased_is_read() -> None:
    assert valid_net(f"augment erase=cutout(4)\n{IMAGE}").graph.augment.erase == Cutout(4)
    assert valid_net(f"augment erase=random\n{IMAGE}").graph.augment.erase == RandomErasing()
    erase = valid_net(f"augment erase=random(0.25, max_area=0.5)\n{IMAGE}").graph.augment.erase
    assert erase == RandomErasing(p=0.25, max_area=0.5)
    erase = valid_net(f"augment erase=cutout(4, fill=colour)\n{IMAGE}").graph.augment.erase
    assert erase == Cutout(4, "colour")
    assert valid_net(f"augment erase=none\n{IMAGE}").graph.augment.erase is None


@pytest.mark.parametrize(
    ("value", "message", "fix"),
    [
        ("4", "erase: needs cutout(length), random(p) or none, not '4'", "cutout(4)"),
        ("0.5", "erase: needs cutout(length), random(p) or none, not '0.5'", "random(0.5)"),
        ("cutout", "erase: 'cutout' needs length, a whole number from 1", None),
        ("cutout(9)", "a square of 9 pixels is larger than the crop", None),
        ("random(2)", "erase: p needs a number above 0 up to 1, not 2", None),
        ("random(min_area=0.5)", "erase: 'random' has min_area=0.5 above max_area=0.33", None),
        ("random(min_aspect=3, max_aspect=2)", "erase: 'random' has min_aspect=3.0 above max_aspect=2.0", None),
    ],
)
def test_mistakes_in_what_is_erased(value: str, message: str, fix: str | None) -> None:
    found = only_diagnostic(f"{IMAGE}\naugment erase={value}")
    assert (found.code, found.message) == ("bad-value", message)
    assert [one.title for one in found.fixes if one.title.endswith(fix or "none")] == ([f"write {fix}"] if fix else [])
