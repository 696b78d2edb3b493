"""Changes that are written into a spec's text: the same network, with its comments, and with the claims that hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import ROOT

from netspec.check import check
from netspec.diagnostics import SpecError
from netspec.ir.shape import Shape
from netspec.language.bases import Folder
from netspec.language.formatter import formatted
from netspec.language.variants import collect_texts
from netspec.net import rewrite
from netspec.opening import open_folder
from netspec.solve.rewriting import rewritten
from netspec.source import Source

SPECS = sorted(ROOT.glob("specs/*.net"))
BASE = """net base rounding=up  # which way
[image] input 3x9x9 range=255  # pixels
[a] conv filters=4 kernel=3   # the first
    pad=1  -> 4x9x9 weights=108   # its claim
[b] maxpool kernel=2 stride=2 -> 4x5x5
[c] fc outputs=3
[d] softmax
augment crop=9 from=12 flip=horizontal  # cut
"""


def changed(
    text: str, *changes: str, shape: Shape | None = None, folder: Folder | None = None
) -> tuple[str, list[str]]:
    """Return the text with the changes written into it, and the layers whose claims it lost."""
    result = rewritten(collect_texts(Source("x.net", text), folder or Folder(), changes), shape)
    return result.source.text, list(result.refuted)


@pytest.mark.many
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_written_changes_make_the_same_network(path: Path) -> None:
    folder, source = open_folder(path.parent), Source(path.name, path.read_text())
    before = collect_texts(source, folder)
    names = [layer.section.name.text for layer in check(before).layers if layer.type in ("conv", "fc")]
    changes = (
        *(f"{name}.bias={number}" for number, name in enumerate(names, 2)),
        f"{names[0]}.neuron=tanh(1.7, 0.6)",
        "net.rounding=up",
        "train.batch=60",
        "test.views=1",
    )
    for shape in (None, Shape(3, 240, 240)):
        if shape is not None and check(before, shape).graph is None:
            continue
        texts = collect_texts(source, folder, changes)
        result = Source(path.name, formatted(rewrite(source, shape, changes, path.parent).source))
        written, asked = check(collect_texts(result, folder)).graph, check(texts, shape).graph
        assert written is not None and asked is not None
        assert written.nodes == asked.nodes and written.parameters == asked.parameters
        assert (written.train, written.test, written.preprocessing) == (asked.train, asked.test, asked.preprocessing)
        assert written.augment.resize == asked.augment.resize


def test_values_are_replaced_in_place_and_new_keys_stand_before_the_claim() -> None:
    text, lost = changed(BASE, "a.kernel=1", "a.pad=0", "a.dilation=1", "a.kernel=3", "a.pad=1", "train.batch=5")
    line = "    pad=1 dilation=1  -> 4x9x9 weights=108   # its claim\n"
    assert text == BASE.replace("    pad=1  -> 4x9x9 weights=108   # its claim\n", line) + "train  batch=5\n"
    assert lost == []


def test_steps_stand_in_place_of_epochs() -> None:
    spec = "[i] input 4 range=1\n[f] fc outputs=2\ntrain epochs=3 batch=8  # three\n"
    assert changed(spec, "train.steps=50")[0] == spec.replace("epochs=3", "steps=50")
    assert changed(spec, "train.steps=50", "train.epochs=7")[0] == spec.replace("epochs=3", "epochs=7")


def test_refuted_claims_are_left_out_and_others_stay() -> None:
    text, lost = changed(BASE, "b.stride=1")  # (9 - 2) / 1 + 1 = 8
    assert lost == ["b"] and "[b] maxpool kernel=2 stride=1  \n" in text and "-> 4x9x9 weights=108" in text
    text, lost = changed(BASE, "a.kernel=5", "a.pad=2")  # 5 * 5 * 3 * 4 = 300 weights; the shape stays
    assert lost == ["a (weights)"] and "-> 4x9x9   # its claim" in text and "-> 4x5x5" in text and "108" not in text
    text, lost = changed(BASE, "a.pad=0")  # 7 x 7 pixels; the weights stay
    assert lost == ["a (shape)", "b"] and "-> weights=108   # its claim" in text


def test_each_count_of_a_claim_is_left_out_by_itself() -> None:
    """Of 3 -> 5 filters: 15 weights and not 9, 20 parameters and not 12, 80 units and not 48; the depth stays."""
    spec = """net x -> weights=9 depth=1 parameters=12  # of all
[i] input 3x4x4
[c] conv filters=3 kernel=1 -> units=48 weights=9
"""
    text, lost = changed(spec, "c.filters=5")
    assert lost == ["the network (weights, parameters)", "c"]
    assert text.startswith("net x -> depth=1  # of all\n") and text.rstrip().endswith("filters=5 kernel=1")
    assert changed(spec, "net.rounding=up")[1] == []


@pytest.mark.parametrize("claim", ["wieghts=12", "weights=1.5", "12 weights"])
def test_a_claim_that_cannot_be_read_is_a_mistake_of_the_changed_network(claim: str) -> None:
    for spec in (
        f"net x -> {claim}\n[i] input 3x4x4\n[c] fc outputs=3",
        f"[i] input 3x4x4\n[c] fc outputs=3 -> {claim}",
    ):
        with pytest.raises(SpecError) as caught:
            changed(spec, "c.outputs=4")
        assert caught.value.diagnostics[0].notes[-1].startswith("x.net is not changed")


def test_comments_between_the_parts_of_a_claim_stay() -> None:
    text, lost = changed(
        "[i] input 3x4x4\n[c] conv filters=2 kernel=1\n  -> 2x4x4  # one\n  units=32  # two\n", "c.filters=5"
    )
    assert lost == ["c"]
    assert "# one" in text and "# two" in text and "->" not in text and "units" not in text


@pytest.mark.parametrize(
    ("shape", "augment"),
    [
        (Shape(3, 11, 11), "augment crop=11 from=12 flip=horizontal  # cut"),
        (Shape(3, 13, 13), "augment crop=13  flip=horizontal  # cut"),
        (Shape(3, 9, 11), "augment  from=12 flip=horizontal  # cut"),
    ],
)
def test_another_input_shape_fits_the_crop(shape: Shape, augment: str) -> None:
    text, _ = changed(BASE, shape=shape)
    assert f"[image] input {shape} range=255  # pixels\n" in text
    assert text.endswith(f"{augment}\n")


def test_sizes_that_are_too_small_for_another_input_are_left_out() -> None:
    lines = "augment  from=12,20\ntest  views=whole from=12\n"
    for side, left in ((12, lines), (13, "test  views=whole \n")):
        text, _ = changed(f"[i] input 3x4x4\n[s] softmax\n{lines}", shape=Shape(3, side, side))
        assert text.removeprefix(f"[i] input 3x{side}x{side}\n[s] softmax\n").strip("\n") == left.strip("\n")


def test_sides_below_the_crop_stay_if_smaller_images_are_padded() -> None:
    text = "[i] input 3x4x4\n[s] softmax\naugment from=3,20 fill=mean\n"
    assert "from=3,20" in changed(text, shape=Shape(3, 11, 11))[0]  # their mean is 11
    text = changed(text, shape=Shape(3, 12, 12))[0]
    assert "from" not in text and "fill" not in text  # without them, nothing is padded


def test_crop_alone_that_no_shape_can_have_takes_its_line_with_it() -> None:
    text, _ = changed("[i] input 3x4x4\n[s] softmax\naugment crop=4\n", shape=Shape(3, 4, 5))
    assert text == "[i] input 3x4x5\n[s] softmax\n\n"


def test_missing_shape_is_written_behind_the_type() -> None:
    text, _ = changed("[i] input range=1\n[s] softmax\n", shape=Shape(7))
    assert text == "[i] input 7 range=1\n[s] softmax\n"


def test_variant_gets_lines_of_its_own_and_its_base_stays() -> None:
    base = Folder(lambda name: Source(name, BASE), lambda: ["base.net"])
    variant = "net v from=base.net\n[a] # nothing\n[b] stride=1\ntest views=1"
    changes = ("a.bias=1", "b.kernel=3", "c.outputs=5", "train.batch=4", "net.rounding=down", "test.views=10")
    text, _ = changed(variant, *changes, shape=Shape(3, 11, 11), folder=base)
    assert text == (
        "net v from=base.net rounding=down\n[a] bias=1 # nothing\n[b] stride=1 kernel=3\n[c]  outputs=5\n"
        "[image]  input  3x11x11  range=255\ntest views=10\ntrain  batch=4\naugment  crop=11\n"
    )
    with pytest.raises(SpecError, match=r"from=12|of 12"):
        changed(variant, shape=Shape(3, 13, 13), folder=base)


def test_net_line_of_a_spec_without_one_stands_first() -> None:
    text, _ = changed("# of mine\n\n[i] input 3x4x4\n[s] softmax\n", "net.rounding=up")
    assert text == "# of mine\n\nnet  rounding=up\n[i] input 3x4x4\n[s] softmax\n"


def test_added_lines_end_as_the_first_one_does() -> None:
    text, _ = changed("[i] input 3x4x4\r\n[s] softmax", "train.batch=4")
    assert text == "[i] input 3x4x4\r\n[s] softmax\r\n\r\ntrain  batch=4\r\n"


def test_claims_of_a_long_network_are_judged_at_once() -> None:
    layers = "".join(f"[c{n}] conv filters=2 kernel=3 pad=1 -> 2x9x9\n" for n in range(300))
    _, lost = changed(f"[i] input 3x9x9\n{layers}", "c0.stride=2")
    assert lost == [f"c{n}" for n in range(300)]
