"""Files that are no models of Keras: whatever is in them, there is a diagnostic and no traceback."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from checking import refused
from hypothesis import given
from hypothesis import strategies as st
from keras_networks import DIGITS, archive, functional, image, layer, reads, sequential

from netspec.diagnostics import Diagnostic, SpecError
from netspec.importers.keras_file.graph.table import REASONS
from netspec.net import import_keras
from netspec.opening import read_source
from netspec.source import Source

CODES = ("keras-model", "keras-input", "keras-not-expressible", "too-large", "bad-value")


def problem(model: Any) -> Diagnostic:
    return refused(lambda: import_keras(Source("m.json", model if isinstance(model, str) else json.dumps(model))))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("{", "its JSON is wrong: Expecting property name"),
        ("[1]", "its JSON is list, not an object"),
        ({"class_name": "M" * 100}, f"it is a {'M' * 57}..., whose layers are in a program"),
        ('{"class_name": ' * 100_000, "its JSON is"),
        ("{}", "the model does not state class_name"),
        ({"class_name": "Mine", "config": {}}, "it is a Mine, whose layers are in a program and not in its file"),
        ({"class_name": "Sequential"}, "the model does not state config"),
        ({"modelTopology": {"model_config": []}}, "its modelTopology is not an object"),
        (sequential(image(8, 8, 3), layer("Convolution2D", "c", nb_filter=4, border_mode="same")),
         "c has settings of Keras 1; Keras 2.2 reads such a model and saves it as one of Keras 2"),
        (sequential(), "the model has no layers"),
        (sequential(image(8, 8, 3), layer("Conv2D", "c", filters="4", kernel_size=1)),
         "c: filters is '4', not a whole number from 1 to 2^31"),
        (sequential(image(8, 8, 3), layer("Conv2D", "c", filters=4, kernel_size=[1, 2, 3])),
         "c: kernel_size is [1, 2, 3], not two whole numbers"),
        (sequential(image(8, 8, 3), layer("Conv2D", "c", filters=4, kernel_size=9)), "c: nothing is left of its"),
        (sequential(image(8, 8, 3), layer("Conv2D", "c", filters=4, kernel_size=1, groups=2)),
         "c: its 2 groups do not divide 3 channels and 4 filters"),
        (sequential(image(8, 8, 3), layer("Reshape", "r", target_shape=[5, -1])), "r: 8x8x3 cannot become 5x-1"),
        (sequential(image(8, 8, 3), layer("UpSampling2D", "u", size=100_000)), "u: its output is too large"),
        (sequential(image(8, 8, 3), layer("Dropout", "d", rate=1.5)), "d: rate is 1.5, not a share from 0 to 1"),
        (sequential(image(7), layer("Conv2D", "c", filters=4, kernel_size=1)), "c needs an image, and reads 7"),
        (functional(reads(image(8, 8, 3)), outputs=("c",)), "it returns call 0 of c, which there is not"),
        (functional(reads(image(8, 8, 3)), reads(layer("ReLU", "a"), "b"), reads(layer("ReLU", "b"), "a"),
                    outputs=("b",)), "a reads call 0 of b, which cannot be computed"),
        (functional(reads(image(8, 8, 3)), outputs=("image",)), "it returns what it reads"),
        (functional(reads(image(8, 8, 3)), reads(layer("ReLU", "a"), "image"), reads(layer("ReLU", "a"), "image"),
                    outputs=("a",)), "the model has two layers a"),
    ],
)  # fmt: skip
def test_model_that_cannot_be_read(model: Any, reason: str) -> None:
    found = problem(model)
    assert found.code == "keras-model"
    assert found.message.startswith(f"this is no model of Keras that can be read: {reason}"), found.message


def test_models_in_models_without_end() -> None:
    """Each of 15 models calls the one in it ten times."""
    model = sequential(image(4, 4, 3), layer("ReLU", "r"), name="m0")
    for depth in range(15):
        names: list[Any] = [("image", 0), *((f"m{depth}", call) for call in range(9))]
        inner = reads(model, *names, calls=10)
        model = functional(reads(image(4, 4, 3)), inner, outputs=(f"m{depth}",))
        model["config"]["name"] = f"m{depth + 1}"
    assert problem(model).message.endswith("it has more than 10,000 layers")


@pytest.mark.parametrize(
    ("layers", "message", "note"),
    [
        ([image(None, 8, 3)], "the model reads images of any size: ?x8x3", "state one with --input 3x224x224"),
        ([layer("InputLayer", "image", batch_shape=[None, 1, 2, 3, 4])], "the input image has 4 axes", ""),
    ],
)
def test_input_of_no_size(layers: list[Any], message: str, note: str) -> None:
    found = problem(sequential(*layers, layer("ReLU", "r")))
    assert found.code == "keras-input" and found.message.startswith(message) and note in "".join(found.notes)


def test_several_inputs() -> None:
    other = reads(layer("InputLayer", "mask", batch_shape=[None, 8, 8, 3]))
    join = reads(layer("Add", "a"), "image", "mask")
    found = problem(functional(reads(image(8, 8, 3)), other, join, outputs=("a",), inputs=("image", "mask")))
    assert (found.code, found.message) == ("keras-input", "the model has 2 inputs; a spec has one")
    assert found.notes == ("they are image, mask",)


def test_all_that_cannot_be_expressed_is_listed() -> None:
    custom = {"module": "shop", "class_name": "Conv2D", "config": {"name": "mine"}, "registered_name": "Shop>Conv2D"}
    found = problem(sequential(
        image(8, 8, 3), layer("ReLU", "r", threshold=1.0), layer("Lambda", "half", function={"code": "AAAA"}),
        layer("LSTM", "memory", units=3), custom, layer("Conv2D", "c", filters=4, kernel_size=1),
    ))  # fmt: skip
    assert (found.code, found.message) == ("keras-not-expressible", "a spec cannot express 4 of the model's 5 layers")
    assert found.notes[1:] == (
        f"Lambda (half): {REASONS['Lambda']}", "LSTM (memory): a spec has no recurrent layers",
        "Shop>Conv2D (mine): it is not one of Keras's: what it computes is in the program that the model was made with",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is no zip archive as Keras writes it"),
        (archive(DIGITS)[:-60], "it is no zip archive as Keras writes it"),
        (b"\x89HDF\r\n\x1a\n", "m.keras is not HDF5, or a part of it is missing"),
    ],
)
def test_file_that_is_no_archive(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(data)
    found = refused(lambda: import_keras(read_source(path)))
    assert found.code == "keras-model" and reason in found.message


def test_bytes_of_an_archive_that_were_changed(tmp_path: Path) -> None:
    """The checksum of a member tells."""
    data = archive(DIGITS)
    (tmp_path / "m.keras").write_bytes(data.replace(b'"filters": 8', b'"filters": 9'))
    assert refused(lambda: import_keras(read_source(tmp_path / "m.keras"))).code == "keras-model"


def places(value: Any) -> list[tuple[Any, Any]]:
    """All containers of a model's JSON, each with one of its keys."""
    found: list[tuple[Any, Any]] = []
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found += [(value, key), *places(value[key])]
    return found


BRANCHES = functional(
    reads(image(8, 8, 3)),
    reads(layer("SeparableConv2D", "s", filters=4, kernel_size=[3, 3], padding="same"), "image"),
    reads(layer("Conv2DTranspose", "t", filters=4, kernel_size=3, strides=2, padding="same"), "s"),
    reads(layer("AveragePooling2D", "p", pool_size=[2, 2], strides=[2, 2]), "t"),
    reads(layer("PReLU", "q", shared_axes=[1, 2]), "p"),
    reads(layer("Concatenate", "j", axis=-1), "s", "q"),
    reads(layer("LayerNormalization", "l", axis=[-1]), "j"),
    reads(layer("ZeroPadding2D", "z", padding=[[1, 0], [0, 1]]), "l"),
    reads(layer("Cropping2D", "k", cropping=[[1, 0], [0, 1]]), "z"),
    reads(layer("Permute", "m", dims=[1, 2, 3]), "k"),
    reads(layer("Normalization", "n", mean=[1.0], variance=[4.0]), "m"),
    reads(layer("GlobalAveragePooling2D", "g"), "n"),
    reads(layer("Reshape", "r", target_shape=[1, 1, 8]), "g"),
    reads(layer("Multiply", "x"), "j", "r"),
    outputs=("x",),
)
STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([2**40, -(2**70), 1e300, float("nan"), 0.5]),
    st.text(max_size=3), st.just([]), st.just({}), st.lists(st.integers(-2, 4), max_size=4),
    st.just({"class_name": "Zeros"}), st.just([[["a", 0, 0]]]),
    st.sampled_from(["same", "Functional", "Add", "Lambda"]),
)  # fmt: skip


@given(st.data())
def test_changed_fields(data: st.DataObject) -> None:
    """Any change of a model gives another model, or a diagnostic of one of these codes."""
    model = copy.deepcopy((DIGITS, BRANCHES)[data.draw(st.integers(0, 1))])
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(model)
        container, key = found[data.draw(st.integers(0, len(found) - 1))]
        if isinstance(container, dict) and data.draw(st.booleans()):
            container.pop(key, None)
        elif isinstance(container, dict) or key < len(container):
            container[key] = copy.deepcopy(data.draw(STRANGE))
    try:
        import_keras(Source("m.json", json.dumps(model)))
    except SpecError as error:
        assert {found.code for found in error.diagnostics if found.severity == "error"} <= {*CODES}, error
