"""Layers and keys of other tools that specs do not have: each is explained."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, only_diagnostic

from netspec.diagnostics import apply


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("DepthwiseConv2D kernel=3", "a depthwise convolution is conv with groups="),
        ("depthwise kernel=3", "a depthwise convolution is conv with groups="),
        ("depthwise_separable filters=2", "conv with groups= set to the number of input channels, then conv kernel=1"),
        ("pointwise filters=2", "a pointwise convolution is conv kernel=1"),
        ("GroupedConv filters=2", "a grouped convolution is conv with groups="),
        ("view 192", "flatten makes a vector of a map, and reshape size=3x32x32 a map of a vector"),
        ("unflatten", "flatten makes a vector of a map, and reshape size=3x32x32 a map of a vector"),
        ("conv filters=3 kernel=3 depthwise=yes", "conv with groups= set to the number of input channels"),
        ("conv filters=6 kernel=3 depth_multiplier=2", "input channels, and filters= a multiple of it"),
        ("fc outputs=2 view=192", "it is a separate layer, [flat] flatten, which fc does not need"),
        ("inception filters=2", "a spec has no blocks"),
        ("SELU", "netspec does not have this activation"),
        ("SqueezeExcitation", "the second with neuron=logistic, and the product"),
        ("se reduction=4", "the second with neuron=logistic, and the product"),
        ("SEBlock(16, 4)", "the second with neuron=logistic, and the product"),
        ("QuickGELU", "gelu is the exact function, x (1 + erf(x / sqrt 2)) / 2"),
        ("sum inputs=i,i operation=prod", "the operation is the layer's type: sum, product or max"),
        ("activation", "an activation is neuron= of the layer before it"),
        ("conv filters=2 kernel=3 batch_norm=true", "[norm1] batchnorm neuron=relu"),
        ("conv filters=2 kernel=3 norm=true", "[norm1] batchnorm neuron=relu"),
        ("conv filters=2 kernel=3 norm=layernorm", "it is a separate layer: [norm1] layernorm neuron=relu"),
        ("conv filters=2 kernel=3 norm=group", "[norm1] groupnorm neuron=relu"),
        ("conv filters=2 kernel=3 norm=LRN", "[norm1] lrn neuron=relu"),
        ("conv filters=2 kernel=3 norm=instance", "instance normalisation is groupnorm with as many groups"),
        ("fc outputs=2 layer_norm=yes", "[norm1] layernorm neuron=relu"),
        ("conv filters=2 kernel=3 padding_mode=reflect", "reflectpad pad=1"),
        ("avgpool kernel=2 count_include_pad=true", "an average counts only real pixels"),
        ("conv filters=2 kernel=3 in_channels=4", "is that of the layer that is read"),
        ("maxpool kernel=2 ceil_mode=2", "rounding=caffe"),
        ("concat axis=2", "images are channels x height x width"),
        ("dropout keep_prob=5", "1 - keep_prob"),
        ("dropout noise_shape=1", "over= says what is dropped together"),
        ("AlphaDropout rate=0.5", "what dropout drops is 0, and not another number"),
        ("DropBlock rate=0.5", "dropout drops units, channels or whole images"),
        ("RMSNorm", "the normalisations are batchnorm, layernorm and groupnorm"),
        ("layernorm bias=0", "its coefficients begin as 1 and its biases as 0; bias_lr=0 keeps these at 0"),
        ("batchnorm use_bias=False", "affine=no leaves out both"),
        ("groupnorm groups=3 init=constant(0)", "its coefficients begin as 1 and its biases as 0"),
        ("conv filters=2 kernel=3 drop_path=0.1", "[path1] dropout over=images rate=0.1"),
        ("LayerScale(3)", "affine bias=none init=constant(1e-6)"),
        ("conv filters=2 kernel=3 init=xavier_normal", "gaussian(std), std = sqrt(2 / (fan_in + fan_out))"),
        ("fc outputs=2 bias=kaiming_uniform_(0)", "uniform(bound), bound = sqrt(6 / fan_in)"),
    ],
)
def test_features_of_other_tools_that_specs_lack_are_explained(line: str, note: str) -> None:
    found = only_diagnostic(f"[i] input 3x8x8\n[a] {line}")
    assert "did you mean" not in found.message and not found.fixes
    assert any(note in text for text in found.notes)


@pytest.mark.parametrize("key", ["scale", "factor"])
def test_a_factor_of_resize_is_that_of_upsample(key: str) -> None:
    found = only_diagnostic(f"[i] input 3x8x8\n[a] resize {key}=2")
    assert found.code == "unknown-key"
    assert found.notes == ("upsample factor=2 doubles the sides; resize step=0.5 does so around the centre",)


def test_nearest_exact_is_no_slip_of_nearest() -> None:
    found = only_diagnostic("[i] input 3x8x8\n[a] resize size=12 method=nearest-exact")
    assert found.fixes == () and "the same where the sides grow by a whole factor" in found.notes[0]


def test_a_size_without_its_key_is_not_missing_too() -> None:
    assert only_diagnostic("[i] input 3x8x8\n[a] resize 12").code == "stray-value"


def test_a_default_line_means_no_type_that_lacks_its_keys() -> None:
    found = only_diagnostic("default layer bias=1\n[i] input 3x8x8")
    assert found.code == "unknown-type" and "did you mean" not in found.message
    assert "did you mean conv?" in only_diagnostic("default cov bias=1\n[i] input 3x8x8").message
    assert "did you mean maxpool?" in diagnostics_of("default maxpol kernel=2 filters=3\n[i] input 3x8x8")[0].message


def test_batchnorm_is_not_advised_to_be_a_separate_layer() -> None:
    found = next(d for d in diagnostics_of("[i] input 3x8x8\n[b] batchnorm norm=batch\n"))
    assert found.message == "batchnorm has no key 'norm'" and "of its own" not in found.notes[0]


def test_layer_types_are_listed_in_one_message_only() -> None:
    found = diagnostics_of("[i] input 3x8x8\n[a] quux\n[b] xyzzy\n[c] lstm\n")
    assert [any("the layer types" in note for note in d.notes) for d in found] == [True, False, False]


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("LayerNorm", "layernorm"),
        ("LayerNorm2d eps=1e-6", "layernorm eps=1e-6"),
        ("ln", "layernorm"),
        ("gn groups=4", "groupnorm groups=4"),
        ("LayerNorm(8)", "layernorm"),
        ("LayerNorm(8, eps=1e-6, elementwise_affine=False)", "layernorm eps=1e-6 affine=no"),
        ("layer_norm(8)", "layernorm"),
        ("batch_norm(8, eps=1e-3)", "batchnorm eps=1e-3"),
        ("conv2d(8, 64, 3)", "conv filters=64 kernel=3"),
        ("conv2d(8, 64, kernel_size=3, padding=1)", "conv filters=64 kernel=3 pad=1"),
        ("conv2d(64, 3)", "conv filters=64 kernel=3"),
        ("conv2d(in_channels=8, out_channels=64, kernel_size=3)", "conv filters=64 kernel=3"),
        ("conv_transpose2d(8, 4, 2, 2)", "deconv filters=4 kernel=2 stride=2"),
        ("max_pool2d(2)", "maxpool kernel=2"),
        ("linear(288, 10)", "fc outputs=10"),
        ("dense(10, relu)", "fc outputs=10 neuron=relu"),
        ("leaky_relu(0.1)", "leakyrelu slope=0.1"),
        ("softmax(dim=1)", "softmax"),
        ("GroupNormalization groups=4", "groupnorm groups=4"),
        ("GroupNorm(4, 8)", "groupnorm groups=4"),
        ("GroupNorm(num_groups=4, num_channels=8, affine=True)", "groupnorm groups=4 affine=yes"),
        ("DropPath", "dropout over=images"),
        ("drop_path rate=0.1", "dropout over=images rate=0.1"),
        ("StochasticDepth(0.1, row)", "dropout over=images rate=0.1"),
        ("Dropout2d rate=0.1", "dropout over=channels rate=0.1"),
        ("SpatialDropout2D", "dropout over=channels"),
        ("SpatialDropout2D(0.2)", "dropout over=channels rate=0.2"),
        ("Dropout(p=0.2)", "dropout rate=0.2"),
        ("LayerScale", "affine bias=none init=constant(1e-6)"),
        ("InstanceNorm2d", "groupnorm groups=8 affine=no"),
        ("InstanceNormalization affine=yes", "groupnorm groups=8 affine=yes"),
        ("InstanceNorm2d(8)", "groupnorm groups=8 affine=no"),
        ("InstanceNorm2d(8, affine=True)", "groupnorm groups=8 affine=yes"),
        ("InstanceNorm2d(8, eps=1e-3)", "groupnorm groups=8 eps=1e-3 affine=no"),
    ],
)
def test_layer_of_other_tools_is_rewritten_with_the_keys_that_it_has_here(line: str, right: str) -> None:
    text = f"[i] input 3x8x8\n[c] conv filters=8 kernel=3\n[a] {line}\n"
    found = only_diagnostic(text)
    assert found.fixes[0].checks
    assert apply(found.fixes[0].edits, text) == f"[i] input 3x8x8\n[c] conv filters=8 kernel=3\n[a] {right}\n"


@pytest.mark.parametrize(
    "line",
    [
        "DropPath over=units",
        "StochasticDepth(0.1, batch)",
        "GroupNorm(4, 8, 2)",
        "LayerNorm(normalized_shape=3x8x8)",
        "InstanceNorm2d(3, track_running_stats=True)",
    ],
)
def test_layer_of_other_tools_that_no_keys_express_is_not_rewritten(line: str) -> None:
    found = only_diagnostic(f"[i] input 3x8x8\n[a] {line}\n")
    assert not any(fix.checks for fix in found.fixes)


@pytest.mark.parametrize(("keys", "groups"), [("", 4), ("gpu=all", 4), ("gpu=0", 8), ("gpu=0,1", 8)])
def test_instance_normalisation_has_the_channels_of_a_gpu_group(keys: str, groups: int) -> None:
    found = only_diagnostic(f"gpus 2\n[i] input 3x8x8\n[c] conv filters=8 kernel=3\n[a] InstanceNorm2d {keys}\n")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [
        (f"write groupnorm groups={groups} affine=no", True),
        (f"write groupnorm groups={groups}", True),
    ]


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("groupnorm channels_per_group=3 neuron=relu", "groupnorm groups=32 neuron=relu"),
        ("groupnorm group_size=96", "groupnorm groups=1"),
        ("conv filters=96 kernel=3 pad=1 group_width=24", "conv filters=96 kernel=3 pad=1 groups=4"),
    ],
)
def test_channels_of_a_group_are_replaced_by_the_number_of_groups(line: str, right: str) -> None:
    """Without ``groups``, the normalisation has 32, which need not divide the channels: that is no second mistake."""
    text = "[i] input 3x8x8\n[c] conv filters={} kernel=3\n[a] {}\n"
    found = only_diagnostic(text.format(96, line))
    assert [fix.checks for fix in found.fixes] == [True]
    assert apply(found.fixes[0].edits, text.format(96, line)) == text.format(96, right)
    assert not only_diagnostic(text.format(100, line)).fixes


def test_channels_of_a_group_are_those_of_one_gpu_group() -> None:
    found = only_diagnostic("gpus 2\n[i] input 3x8x8\n[c] conv filters=96 kernel=3\n[a] groupnorm group_size=3\n")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [("write groups=16", True)]
    assert not only_diagnostic("[i] input 4x8x8\n[a] groupnorm groups=2 group_size=2\n").fixes


@pytest.mark.parametrize(
    "line",
    [
        "lrn depth_radius=2 alpha=1",
        "resize scale_factor=2",
        "conv kernel=3 depth_multiplier=2",
        "maxpool kernel=3 stride=2 ceil_mode=yes",
    ],
)
def test_what_another_key_says_is_not_missed_too(line: str) -> None:
    assert only_diagnostic(f"[i] input 3x8x8\n[a] {line}\n").code == "unknown-key"


def test_instance_normalisation_of_a_vector_has_no_fix() -> None:
    assert not only_diagnostic("[i] input 8\n[a] InstanceNorm2d\n").fixes
