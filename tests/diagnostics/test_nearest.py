"""Suggestions for misspelt words, and for words of other tools."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec import layers
from netspec.diagnostics.nearest import distance, is_slip, nearest
from netspec.diagnostics.other_tools.words import AMBIGUOUS, UNAMBIGUOUS, WORDS, plain_word
from netspec.keys.neurons import NEURONS
from netspec.keys.schedules import SCHEDULES
from netspec.keys.update_rules import OPTIMIZERS
from netspec.layers.conv import TYPE as CONV

KEYS = [key.name for key in CONV.keys]
WORD = st.text("abcx", max_size=7)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("initB", "bias"),  # not init, which is equally near
        ("initW", "init"),
        ("weightSource", "weights"),
        ("epsB", "bias_lr"),
        ("kernal", "kernel"),
        ("kernel_size", "kernel"),
        ("filter", "filters"),
        ("num_filters", "filters"),
        ("padding", "pad"),
        ("strides", "stride"),
        ("KERNEL", "kernel"),
        ("dilations", "dilation"),
        ("use_bias", "bias"),
        ("activation", "neuron"),
        ("size", "kernel"),
        ("channels", "filters"),
        ("weight_decay", "decay"),
        ("learning_rate", "lr"),
        ("input", "inputs"),
        ("kernel_initializer", "init"),
        ("weight_filler", "init"),
        ("bias_term", "bias"),
        ("zzz", None),
        ("q", None),
        ("", None),
    ],
)
def test_nearest_key(word: str, meant: str | None) -> None:
    assert nearest(word, KEYS) == meant


def test_each_word_of_other_tools_is_listed_once_and_as_it_is_sought() -> None:
    listed = [*" ".join(UNAMBIGUOUS.values()).split(), *AMBIGUOUS]
    assert sorted(listed) == sorted(WORDS) == sorted(map(plain_word, WORDS))


@pytest.mark.parametrize("names", [layers.names(), tuple(SCHEDULES), tuple(NEURONS), tuple(OPTIMIZERS)])
def test_capitals_do_not_make_another_tools_word_of_a_word_of_specs(names: tuple[str, ...]) -> None:
    found = {name: nearest(name.capitalize(), names) for name in names if name != "linear"}  # Linear of PyTorch is fc
    assert found == {name: name for name in found}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("convolution", "conv"),
        ("conv2d", "conv"),
        ("cnov", "conv"),
        ("max_pool", "maxpool"),
        ("maxpooling", "maxpool"),
        ("pool", "maxpool"),
        ("dense", "fc"),
        ("batch_norm", "batchnorm"),
        ("bn", "batchnorm"),
        ("ReLU", "relu"),
        ("sigmoid", "logistic"),
        ("sofmax", "softmax"),
        ("add", "sum"),
        ("drop", "dropout"),
        ("inner_product", "fc"),
        ("InnerProduct", "fc"),
        ("GlobalAveragePooling2D", "avgpool"),
        ("AdaptiveAvgPool2d", "avgpool"),
        ("LocalResponseNorm", "lrn"),
        ("MSELoss", "squarederror"),
        ("LayerNorm2d", "layernorm"),
        ("GroupNormalization", "groupnorm"),
        ("Scale", "affine"),
        ("pad", "zeropad"),
        ("padding", "zeropad"),
        ("ZeroPadding2D", "zeropad"),
        ("average_pool", "avgpool"),
        ("ConvTranspose2d", "deconv"),
        ("Conv2DTranspose", "deconv"),
        ("Deconvolution", "deconv"),
        ("up_conv", "deconv"),
        ("subsampling", "avgpool"),
        ("image", None),
    ],
)
def test_nearest_layer_type(word: str, meant: str | None) -> None:
    assert nearest(word, layers.names()) == meant


@pytest.mark.parametrize(
    "word",
    ["unpool", "FocalLoss", "LogSoftmax", "InstanceNorm", "RMSNorm", "DropPath", "hardtanh", "SpatialDropout2D"],
)
def test_similarly_spelt_type_with_another_function_is_not_suggested(word: str) -> None:
    assert nearest(word, layers.names()) is None


def test_same_word_in_other_spelling_is_preferred() -> None:
    assert nearest("Leaky_ReLU", ["relu", "leakyrelu"]) == "leakyrelu"


def test_alpha_means_slope_only_where_alpha_is_no_key() -> None:
    assert nearest("alpha", ["slope", "inputs", "gpu"]) == nearest("negative_slope", ["slope"]) == "slope"
    assert nearest("alpha", ["alpha", "slope"]) == "alpha"


def test_name_in_the_file_is_preferred_to_a_synonym() -> None:
    assert nearest("dense", ["fc", "dense1"]) == "fc"
    assert nearest("dense", ["fc6", "dense1"]) == "dense1"


def test_first_of_equally_near_names_is_suggested() -> None:
    assert nearest("conv", ["conv1", "conv2"]) == "conv1"
    assert nearest("convx", ["conv1", "conv2"]) == "conv1"


def plain_distance(a: str, b: str) -> int:
    """Optimal string alignment, from its definition."""
    table = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = [table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1])]
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                cost.append(table[i - 2][j - 2] + 1)
            table[i][j] = min(cost)
    return table[-1][-1]


@given(WORD, WORD, st.integers(1, 8))
def test_distance_is_optimal_string_alignment_up_to_its_limit(a: str, b: str, limit: int) -> None:
    assert distance(a, b, limit) == min(plain_distance(a, b), limit)


def test_thousands_of_names_and_long_words_take_little_time() -> None:
    names = [f"layer{i}" for i in range(5_000)]
    start = time.process_time()
    assert nearest("lyaer4321", names) == "layer4321"
    assert nearest("x" * 1_000_000, names) is None
    assert time.process_time() - start < 2


def test_nearest_number_decides_between_equally_near_names() -> None:
    assert nearest("conv9", ["conv1", "conv2", "conv5", "conv4"]) == "conv5"
    assert nearest("l1_2", ["l1_0", "l1_1", "l2_0"]) == "l1_1"
    assert nearest("paf", ["pad", "par"]) == "pad"


def test_only_letters_and_digits_count_for_what_may_be_wrong() -> None:
    assert nearest("l2-reg", ["logreg"]) is None
    assert nearest("logger", ["logreg"]) == "logreg"


def test_types_of_cuda_convnet_suggest_the_equivalent_type() -> None:
    """A cmrnorm is an lrn; rnorm is nearer by spelling but another function."""
    words = ("cmrnorm", "cnorm", "href", "eltsum", "eltmax", "hs")
    assert [nearest(word, layers.names()) for word in words] == ["lrn", "contrast", "mirror", "sum", "max", "dropout"]
    assert not is_slip("cmrnorm", "lrn", layers.names())
