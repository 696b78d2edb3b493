"""Phases and statistics of layers, losses without tops, and which lines a network needs."""

from __future__ import annotations

import pytest
from caffe_files import images, labelled, layer, message
from prototxt import layers, net, problems

FC = {"num_output": 3}
SILENCE = f"layer {{ {message(name='s', type='Silence', bottom='b')} }}\n"


def fc(name: str, bottom: str, **fields: object) -> str:
    return layer(name, "InnerProduct", bottom, inner_product_param=FC, **fields)


def loss(bottom: str) -> str:
    return layer("loss", "SoftmaxWithLoss", [bottom, "label"])


@pytest.mark.parametrize("type_", ["Dropout", "BatchNorm"])
def test_phase_of_a_layer_in_a_training(type_: str) -> None:
    text = labelled(3, 9, 9) + layer("d", type_, "data", phase="TEST") + fc("g", "d") + loss("g")
    assert problems(text) == [f"d ({type_}) in line 2: it works as in the phase TEST in both phases"]
    assert len(layers(images(3, 9, 9) + layer("d", type_, "data", phase="TEST"))) == 1
    assert problems(images(3, 9, 9) + layer("d", type_, "data", phase="TRAIN")) == [
        f"d ({type_}) in line 2: it works as in the phase TRAIN in both phases"
    ]
    text = labelled(3, 9, 9) + fc("f", "data") + layer("r", "ReLU", "f", phase="TEST") + loss("r")
    assert layers(text)[0].endswith("neuron=relu")


def test_loss_without_a_top() -> None:
    """Caffe adds it (``AutoTopBlobs``)."""
    head = f"layer {{ {message(name='l', type='SoftmaxWithLoss', bottom=['f', 'label'], loss_weight=0.5)} }}"
    assert layers(labelled(3, 9, 9) + fc("f", "data") + head)[-1] == "[l] crossentropy loss_weight=0.5"


def test_maps_of_one_pixel_times_a_vector() -> None:
    text = images(3) + fc("f", "data") + layer("r", "Reshape", "f", reshape_param={"shape": {"dim": [0, 3, 1, 1]}})
    text += layer("s", "Scale", ["r", "f"], scale_param={"axis": 0})
    assert layers(text)[-2:] == ["[reshape] reshape size=3x1x1", "[s] product inputs=reshape,f"]


def test_statistics_of_a_file_to_deploy() -> None:
    """It may say how weights are drawn, which says nothing about its use."""
    window = {"num_output": 4, "kernel_size": 1, "weight_filler": {"type": "msra"}}
    text = images(3, 9, 9) + layer("c", "Convolution", "data", convolution_param=window)
    text += layer("b", "BatchNorm", "c", batch_norm_param={"use_global_stats": True})
    assert layers(text)[1:] == ["[b] batchnorm average=0.001 affine=no"]


def test_statistics_of_all_layers_are_reported() -> None:
    fields = {"batch_norm_param": {"use_global_stats": True}}
    text = labelled(3, 9, 9) + layer("a", "BatchNorm", "data", **fields) + layer("b", "BatchNorm", "a", **fields)
    (note,) = problems(text + fc("f", "b") + loss("f"))
    assert note.startswith("a (BatchNorm) in line 2, b (BatchNorm) in line 3: it uses the running averages")


def test_statistics_of_the_layer_for_tests() -> None:
    tests = {"include": {"phase": "TEST"}, "batch_norm_param": {"use_global_stats": False}}
    text = labelled(3, 9, 9) + layer("a", "BatchNorm", "data", include={"phase": "TRAIN"})
    warnings = net(text + layer("a", "BatchNorm", "data", **tests) + fc("f", "a") + loss("f")).warnings
    (warning,) = [d for d in warnings if d.code == "caffe-substitute"]
    assert warning.span.line == 3
    assert warning.message.startswith("a: it uses the statistics of the batch outside training too")


def test_weights_and_biases_of_one_name() -> None:
    (note,) = problems(images(3) + fc("f", "data", param=[{"name": "w"}, {"name": "w"}]))
    assert note.startswith("f (InnerProduct) in line 2: it shares biases")


def test_values_that_nothing_reads() -> None:
    """The output stays the last line, although a layer below it is silenced."""
    text = images(3, 9, 9) + fc("a", "data") + layer("t", "TanH", "data") + fc("b", "t") + SILENCE
    assert layers(text) == ["[a] fc outputs=3"]
    text = images(3, 9, 9) + layer("b", "TanH", "data") + SILENCE + fc("a", "data") + layer("r", "ReLU", "a", "a")
    assert layers(text) == ["[a] fc outputs=3 neuron=relu"]


def test_silenced_layer_whose_weights_are_used() -> None:
    text = images(3) + fc("b", "data", param={"name": "w"}) + SILENCE + fc("a", "data", param={"name": "w"})
    assert layers(text) == ["[b] fc outputs=3", "[a] fc outputs=3 weights=b inputs=data"]


def test_network_that_is_silenced_is_kept() -> None:
    assert layers(images(3, 9, 9) + layer("b", "TanH", "data") + SILENCE) == ["[b] tanh"]


def test_dropout_of_nothing() -> None:
    text = images(3, 9, 9) + layer("d", "Dropout", "data", dropout_param={"dropout_ratio": 0}) + layer("r", "ReLU", "d")
    assert layers(text) == ["[r] relu"]
