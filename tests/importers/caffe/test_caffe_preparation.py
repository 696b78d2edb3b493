"""The preparation of images as keys of the input and augment lines."""

from __future__ import annotations

import re

import pytest
from caffe_records import record

from netspec.importers.caffe.learning.preparation import Preparation, batch_size, preparation
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape


def prepared(transform: str, more: str = "type: 'Data'", channels: int = 3, test: str | None = None) -> Preparation:
    crop = re.search(r"crop_size: (\d+)", transform)
    sides = (int(crop[1]),) * 2 if crop else (8, 8)
    data, other = (
        record("LayerParameter", f"{more} transform_param {{ {text} }}") if text is not None else None
        for text in (transform, test)
    )
    assert data is not None
    return preparation(data, other, Shape(channels, *sides))


@pytest.mark.parametrize(
    ("transform", "channels", "expected"),
    [
        ("", 3, "range=255 order=bgr"),
        ("", 1, "range=255"),
        ("scale: 0.00390625", 1, "range=255 std=256"),
        ("scale: 0.00392156862745", 1, ""),
        ("scale: 0.0039", 1, "range=255 std=256.410256"),
        ("mean_file: 'm.binaryproto'", 3, "range=255 mean=image order=bgr"),
        ("mean_value: 104 mean_value: 117 mean_value: 123", 3, "range=255 mean=104,117,123 order=bgr"),
        ("mean_value: 128", 3, "range=255 mean=128 order=bgr"),
        ("mean_value: 0", 1, "range=255"),
        ("mean_value: 127.5 scale: 0.0078125", 1, "range=255 mean=127.5 std=128"),
        ("mean_value: 102 scale: 0.00392156862745", 1, "mean=0.4"),  # 102 / 255
    ],
)
def test_pixels(transform: str, channels: int, expected: str) -> None:
    found = prepared(transform, channels=channels).input_keys
    assert " ".join(f"{key}={value}" for key, value in found.items()) == expected


@pytest.mark.parametrize(
    ("transform", "more", "augment", "assumed"),
    [
        ("mirror: true", "type: 'Data'", {"flip": "horizontal"}, 0),
        ("crop_size: 227 mirror: true", "type: 'Data'", {"crop": "227", "from": "256", "flip": "horizontal"}, 1),
        ("crop_size: 28", "type: 'Data'", {"crop": "28"}, 1),
        ("crop_size: 28", "type: 'Data' data_param { source: 'cifar10' }", {"crop": "28", "from": "32"}, 1),
        (
            "crop_size: 28",
            "type: 'ImageData' image_data_param { new_height: 32 new_width: 32 }",
            {"crop": "28", "from": "32"},
            0,
        ),
    ],
)
def test_augmentation(transform: str, more: str, augment: dict[str, str], assumed: int) -> None:
    found = prepared(transform, more)
    assert found.augment == augment
    assert len(found.assumed) == assumed
    for warning in found.assumed:  # its command states what is assumed
        assert warning.notes[0].endswith(f"--set augment.from={augment.get('from', augment['crop'])}")


@pytest.mark.parametrize(
    ("transform", "more", "test", "reason"),
    [
        ("scale: 0", "type: 'Data'", None, "scale must be above 0"),
        ("scale: nan", "type: 'Data'", None, "its scale is nan"),
        ("mean_value: inf", "type: 'Data'", None, "its mean_value is inf"),
        ("mean_file: 'm' mean_value: 1", "type: 'Data'", None, "both given"),
        ("mean_value: 1 mean_value: 2", "type: 'Data'", None, "2 mean_value for 3 channels"),
        ("crop_size: 9", "type: 'ImageData' image_data_param { new_height: 8 new_width: 8 }", None, "cannot be cut"),
        ("crop_size: 9", "type: 'ImageData' image_data_param { new_height: 8 new_width: 9 }", None, "cuts squares"),
        ("scale: 0.5", "type: 'Data'", "scale: 0.25", "differ in scale"),
        ("mean_value: 1", "type: 'Data'", "", "differ in mean_value; a spec prepares both alike: give both layers the"),
        ("mean_file: 'm'", "type: 'Data'", "", "differ in mean_file"),
    ],
)
def test_what_a_spec_cannot_express(transform: str, more: str, test: str | None, reason: str) -> None:
    with pytest.raises((Inexpressible, Rejected), match=reason):
        prepared(transform, more, test=test)


def test_another_mean_file_of_the_tests_is_a_warning() -> None:
    found = prepared("mean_file: 'train.binaryproto' crop_size: 9", "type: 'Data'", test="mean_file: 'm' crop_size: 9")
    assert found.input_keys["mean"] == "image"
    warning, crop = found.assumed
    assert warning.code == "caffe-substitute" and "the tests have a mean_file of their own" in warning.message
    assert "crops are cut" in crop.message
    assert not prepared("mean_file: 'm'", "type: 'Data'", test="mean_file: 'm'").assumed


def test_colours_of_cifar_are_stored_as_they_are() -> None:
    data = "type: 'Data' data_param {{ source: 'examples/{}_train_lmdb' }}"
    assert prepared("", data.format("cifar10")).input_keys == {"range": "255"}
    assert prepared("", data.format("ilsvrc12")).input_keys == {"range": "255", "order": "bgr"}


def test_only_the_images_of_the_training_are_mirrored() -> None:
    assert prepared("mirror: true", test="").augment == {"flip": "horizontal"}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("type: 'Data' data_param { batch_size: 256 }", 256),
        ("type: 'ImageData' image_data_param { batch_size: 50 }", 50),
        ("type: 'MemoryData' memory_data_param { batch_size: 7 }", 7),
        ("type: 'DummyData' dummy_data_param { shape { dim: 8 dim: 3 } }", 8),
        ("type: 'DummyData' dummy_data_param { num: 9 channels: 3 }", 9),
        ("type: 'Input' input_param { shape { dim: 1 dim: 3 } }", None),
        ("type: 'Data'", None),
    ],
)
def test_batch_sizes(text: str, size: int | None) -> None:
    assert batch_size(record("LayerParameter", text)) == size
