"""Layers of Caffe that a spec cannot express, or that Caffe itself rejects: each says why."""

from __future__ import annotations

import pytest
from caffe_files import images, labelled, layer
from prototxt import layers, mistakes, problems, rejected


def conv(bottom: str = "data", **fields: object) -> str:
    return layer("c", "Convolution", bottom, convolution_param={"num_output": 8, "kernel_size": 3, **fields})


def pool(bottom: str = "data", **fields: object) -> str:
    return layer("c", "Pooling", bottom, pooling_param={"kernel_size": 3, **fields})


def dense(name: str, bottom: str, **fields: object) -> str:
    return layer(name, "InnerProduct", bottom, inner_product_param={"num_output": 5}, **fields)


def reshaped(*dims: int, **fields: object) -> str:
    return layer("c", "Reshape", "data", reshape_param={"shape": {"dim": dims}, **fields})


def joining(type_: str, **fields: object) -> str:
    """A layer that reads images of 3 x 9 x 9 and of 3 x 7 x 7."""
    return layer("p", "Pooling", "data", pooling_param={"kernel_size": 3}) + layer("c", type_, ["data", "p"], **fields)


def shares(**fields: object) -> str:
    """Two layers with the same weights. The second one has ``fields``; the first one has an ``lr_mult`` of 3."""
    first = dense("a", "data", param={"name": "w", "lr_mult": 3})
    loss = layer("loss", "SoftmaxWithLoss", ["c", "label"])
    return labelled(5) + first + dense("c", "a", param={"name": "w", **fields}) + loss


IMAGE, VECTOR = images(3, 9, 9), images(12)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (IMAGE + layer("c", "InnerProduct", "data", inner_product_param={"num_output": 5, "axis": 2}),
         "it reads axis 2 and those after it of N x 3 x 9 x 9; a spec's fc reads all of them"),
        (IMAGE + layer("c", "InnerProduct", "data", inner_product_param={"num_output": 5, "transpose": True}),
         "its weights are transposed"),
        (IMAGE + conv(axis=2), "its channels are another axis than the second"),
        (VECTOR + conv(), "it reads N x channels x height x width, and its bottom is N x 12"),
        (IMAGE + layer("p", "Sigmoid", "data") + layer(
            "c", "Convolution", ["data", "p"], ["c", "d"], convolution_param={"num_output": 8, "kernel_size": 3}),
         "it convolves several bottoms with the same weights; the layers of a spec have one input"),
        (IMAGE + pool(pool="STOCHASTIC"), "its pooling is stochastic"),
        (IMAGE + layer("c", "Pooling", "data", ["c", "d"], pooling_param={"kernel_size": 3}) + layer("r", "ReLU", "d"),
         "its second top, the places of the maxima, is read"),
        (IMAGE + layer("c", "ReLU", "data", relu_param={"negative_slope": -0.1}), "its slope is below 0"),
        (IMAGE + layer("c", "ELU", "data", elu_param={"alpha": -1}), "its alpha is below 0"),
        (IMAGE + layer("c", "Swish", "data", swish_param={"beta": 2}),
         "its beta is not 1; a spec's silu is x / (1 + e^-x)"),
        (IMAGE + layer("c", "Power", "data", power_param={"power": 3}), "its power is none of 1, 2 and 0.5"),
        (IMAGE + layer("c", "LRN", "data", lrn_param={"k": 0}), "its k is not above 0"),
        (IMAGE + layer("c", "Eltwise", ["data", "data"], eltwise_param={"coeff": [1, float("nan")]}),
         "its coeff is nan, which is not a finite float32 number"),
        (IMAGE + layer("c", "LRN", "data", lrn_param={"alpha": -1}), "its alpha is below 0"),
        (IMAGE + layer("c", "BatchNorm", "data", batch_norm_param={"moving_average_fraction": 1.5}),
         "its moving_average_fraction is not from 0 to 1"),
        (IMAGE + layer("c", "Scale", "data", scale_param={"axis": 2}), "its numbers are not one for each channel"),
        (IMAGE + joining("Scale", scale_param={"axis": 0, "bias_term": True}), "it adds biases to a product"),
        (IMAGE + joining("Bias", bias_param={"axis": 0}),
         "it adds N x 3 x 7 x 7 to N x 3 x 9 x 9 from axis 0 on; a spec adds values of the same shape"),
        (IMAGE + layer("c", "Flatten", "data", flatten_param={"axis": 0}), "it joins the images with other axes"),
        (IMAGE + reshaped(-1, 81), "it divides the axes of N x 3 x 9 x 9 otherwise, the images among them"),
        (IMAGE + layer("c", "Concat", ["data", "data"], concat_param={"axis": 2}),
         "it joins along another axis than the channels"),
        (labelled(3, 9, 9) + dense("f", "data") + layer("c", "SoftmaxWithLoss", ["f", "data"]),
         "its labels are computed, or are the images"),
        (labelled(3, 9, 9) + dense("f", "data")
         + layer("c", "SoftmaxWithLoss", ["f", "label"], ["c", "d"], loss_weight=[1, 1]),
         "its second top, the probabilities, has a loss_weight"),
        (labelled(3, 9, 9) + dense("f", "data") + layer("l", "SoftmaxWithLoss", ["f", "label"])
         + layer("c", "AbsVal", "l"),
         "it reads a loss"),
        (labelled(3, 9, 9) + dense("c", "data", param={"lr_mult": -1}) + layer("l", "SoftmaxWithLoss", ["c", "label"]),
         "its lr_mult is -1; a spec's is at least 0"),
        (labelled(3, 9, 9) + dense("a", "data", param={"name": "w"}) + dense("c", "a", param={"name": "w"})
         + layer("l", "SoftmaxWithLoss", ["c", "label"]),
         "it shares weights with a layer of another shape"),
    ],
)  # fmt: skip
def test_what_a_spec_cannot_express(text: str, reason: str) -> None:
    (found,) = problems(text)
    assert found.startswith("c (") and found.partition(": ")[2] == reason


@pytest.mark.parametrize(
    ("text", "message", "note"),
    [
        (IMAGE + layer("c", "InnerProduct", "data"), "it has no num_output", ""),
        (IMAGE + layer("c", "InnerProduct", "data", inner_product_param={"num_output": 2**31}),
         "num_output is at most 2,147,483,647", ""),
        (IMAGE + conv(stride=0), "its stride is 0", ""),
        (IMAGE + pool(stride=0), "its stride is 0", ""),
        (IMAGE + conv(pad=[1, 1, 1]), "pad is given 3 times; an image has 2 sides", ""),
        (IMAGE + layer("c", "Pooling", "data", pooling_param={"global_pooling": True, "pad": 1}),
         "global_pooling has padding 0 and stride 1", ""),
        (IMAGE + layer("c", "Pooling", "data", pooling_param={"global_pooling": True, "stride": 2}),
         "global_pooling has padding 0 and stride 1", ""),
        (IMAGE + layer("c", "Log", "data", log_param={"base": 1}), "its base is not above 0, or 1", ""),
        (IMAGE + joining("Eltwise"), "its bottoms have different shapes", "N x 3 x 9 x 9 and N x 3 x 7 x 7"),
        (IMAGE + joining("Concat"),
         "its bottoms differ in other axes than the channels", "N x 3 x 9 x 9 and N x 3 x 7 x 7"),
        (IMAGE + layer("c", "Eltwise", ["data", "data"], eltwise_param={"operation": "PROD", "coeff": [1, 1]}),
         "a product has no coeff", ""),
        (IMAGE + layer("c", "Concat", ["data", "data"], concat_param={"axis": 1, "concat_dim": 1}),
         "axis and concat_dim are both given", ""),
        (IMAGE + layer("c", "Flatten", "data", flatten_param={"axis": 5}), "axis is 5, and its bottom has 4 axes", ""),
        (IMAGE + layer("c", "Flatten", "data", flatten_param={"axis": 2, "end_axis": 1}),
         "its end_axis is before its axis", ""),
        (IMAGE + reshaped(0, 0, 0, 0, 0), "dim 0 keeps axis 4, which its bottom does not have", ""),
        (IMAGE + reshaped(0, axis=5), "its bottom has 4 axes", ""),
        (labelled(9) + dense("f", "data") + layer("c", "SoftmaxWithLoss", ["f", "label"], loss_weight=[1, 1]),
         "it has a loss_weight for each top, or none", "1 top, 2 loss_weight"),
        (shares(lr_mult=2), "it shares weights with a, whose lr_mult is another one", ""),
    ],
)  # fmt: skip
def test_what_caffe_rejects(text: str, message: str, note: str) -> None:
    (found,) = mistakes(text)
    assert (found.code, found.message, "".join(found.notes)) == ("caffe-network", f"c: {message}", note)


def test_first_of_several_layers_with_the_same_weights_takes_what_only_another_states() -> None:
    assert layers(shares(decay_mult=0))[:2] == [
        "[a] fc outputs=5 init=constant(0) lr_mult=3 decay_mult=0",
        "[c] fc outputs=5 weights=a",
    ]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ('input: "data" input_dim: 1 input_dim: 3', "input_dim is given 2 times, for 1 input of 4 dimensions"),
        ('input: "data" input: "b" input_shape { dim: 1 dim: 9 }', "there are 2 inputs and 1 input_shape"),
        (
            f'input: "data" input_shape {{ dim: 1 dim: 9 }} {"input_dim: 1 " * 4}',
            "input_shape and input_dim are both given",
        ),
    ],
)
def test_inputs_beside_the_layers(inputs: str, message: str) -> None:
    assert rejected(f"{inputs}\n" + layer("c", "ReLU", "data")) == [message]


def test_second_value_of_a_bias_is_added() -> None:
    text = IMAGE + layer("a", "Sigmoid", "data") + layer("c", "Bias", ["data", "a"], bias_param={"axis": 0})
    assert layers(text) == ["[a] logistic", "[c] sum inputs=data,a"]


def test_maps_of_one_pixel_and_vectors_are_joined_in_the_shape_of_the_file() -> None:
    maps = layer("c", "Convolution", "data", convolution_param={"num_output": 5, "kernel_size": 9})
    vector = layer("f", "InnerProduct", "data", inner_product_param={"num_output": 5})
    flat = layer("g", "Flatten", "c") + layer("e", "Eltwise", ["f", "g"])
    assert layers(IMAGE + vector + maps + flat)[2:] == ["[flatten] flatten", "[e] sum inputs=f,flatten"]
    shaped = layer("r", "Reshape", "f", reshape_param={"shape": {"dim": [0, 5, 1, 1]}})
    text = IMAGE + vector + maps + shaped + layer("e", "Eltwise", ["r", "c"])
    assert layers(text)[2:] == ["[reshape] reshape size=5x1x1 inputs=f", "[e] sum inputs=reshape,c"]
