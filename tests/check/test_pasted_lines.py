"""Lines that are pasted from PyTorch or Keras: one mistake each, with a fix after which the whole network checks."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, valid_net

from netspec.diagnostics import apply

ABOVE = "[i] input 64x8x8\n[a] "


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("nn.Conv2d(64, 8, kernel_size=3, stride=1, padding=2),", "conv filters=8 kernel=3 stride=1 pad=2"),
        ("nn.Conv2d(64, 8, 3, 1, 1, bias=False)", "conv filters=8 kernel=3 stride=1 pad=1 bias=none"),
        (
            "torch.nn.Conv2d(64, 64, (3, 5), padding=(1, 2), groups=64)",
            "conv filters=64 kernel=3x5 pad=2,2,1,1 groups=64",
        ),
        ("Conv2d(in_channels=64, out_channels=8, kernel_size=3, padding='same')", "conv filters=8 kernel=3 pad=1"),
        ("Conv2D(32, (3, 3), activation='relu')", "conv filters=32 kernel=3x3 neuron=relu"),
        (
            'tf.keras.layers.Conv2D(8, 3, padding="valid", use_bias=False, input_shape=(8, 8, 64))',
            "conv filters=8 kernel=3 pad=0 bias=none",
        ),
        ("nn.MaxPool2d(2, 2)", "maxpool kernel=2 stride=2"),
        (
            "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
            "maxpool kernel=2 stride=2 pad=0 rounding=down",
        ),
        ("MaxPooling2D(pool_size=(2, 2), strides=2)", "maxpool kernel=2x2 stride=2"),
        ("nn.AdaptiveAvgPool2d((4, 4))", "avgpool kernel=2"),
        ("AdaptiveAvgPool2d((4, 4))", "avgpool kernel=2"),
        ("nn.AdaptiveAvgPool2d(output_size=(1, 1))", "avgpool kernel=global"),
        ("nn.Upsample(scale_factor=2)", "upsample factor=2"),
        ("nn.Upsample(scale_factor=(2, 3), mode='bilinear', align_corners=True)", "upsample factor=2x3 method=corners"),
        ("nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False)", "upsample factor=2 method=bilinear"),
        ("nn.Upsample((16, 24), mode='bilinear', align_corners=True)", "resize size=16x24 method=corners"),
        ("nn.Upsample(size=30)", "resize size=30 method=nearest"),
        ("nn.ReflectionPad2d(3)", "reflectpad pad=3"),
        ("nn.ReplicationPad2d((1, 0, 2, 3))", "edgepad pad=1,0,2,3"),
        ("nn.AdaptiveAvgPool2d(3)", "binpool bins=3"),
        ("UpSampling2D(2)", "upsample factor=2"),
        ("UpSampling2D()", "upsample factor=2"),
        ("UpSampling2D(size=(2, 2), interpolation='bilinear')", "upsample factor=2x2 method=bilinear"),
        ("nn.BatchNorm2d(64, momentum=0.1, track_running_stats=True)", "batchnorm average=0.1"),
        ("BatchNormalization(momentum=0.9, epsilon=1e-5)", "batchnorm average=0.1 eps=1e-5"),
        ("BatchNormalization()", "batchnorm eps=1e-3 average=0.01"),
        ("batch_normalization(momentum=0.9)", "batchnorm average=0.1 eps=1e-3"),  # of TensorFlow 1
        ("BatchNormalization(center=True, scale=True)", "batchnorm eps=1e-3 average=0.01"),
        ("LayerNormalization()", "layernorm eps=1e-3"),
        ("GroupNormalization(4, axis=1)", "groupnorm groups=4 eps=1e-3"),
        ("GroupNormalization(groups=4, epsilon=1e-5)", "groupnorm groups=4 eps=1e-5"),
        ("nn.Flatten(1)", "flatten"),
        ("nn.ReLU(inplace=True)", "relu"),
        ("Activation('relu')", "relu"),
        ("Activation('softmax')", "softmax"),
        ("AvgPool2d(2, padding=0, ceil_mode=True, count_include_pad=True)", "avgpool kernel=2 pad=0 rounding=caffe"),
        ("AvgPool2d(3, 1, padding=1, count_include_pad=False)", "avgpool kernel=3 stride=1 pad=1"),
        ("Dense(10, activation=tf.nn.relu)", "fc outputs=10 neuron=relu"),
        ("Dense(10, activation='softmax')", "fc outputs=10\n[prob] softmax"),
        ("fc outputs=10 activation=softmax  # scores", "fc outputs=10  # scores\n[prob] softmax"),
        ("conv filters=8 kernel=3 use_bias=false", "conv filters=8 kernel=3 bias=none"),
        ("nn.LeakyReLU(0.2)", "leakyrelu slope=0.2"),
        ("nn.ChannelShuffle(2)", "shuffle groups=2"),
        ("nn.PixelShuffle(2)", "pixelshuffle factor=2"),
        ("nn.PixelUnshuffle(downscale_factor=2)", "pixelunshuffle factor=2"),
        ("ShuffleChannel group=2", "shuffle groups=2"),
        ("split channels=32", "slice channels=32"),
        ("slice channels=32 start=32", "slice channels=32 first=32"),
        ("nn.PReLU()", "prelu shared=yes"),
        ("nn.PReLU(64)", "prelu"),
        ("nn.PReLU(num_parameters=64, init=0.1)", "prelu init=constant(0.1)"),
        ("layers.PReLU(shared_axes=[1, 2])", "prelu init=constant(0)"),
        ("PReLU(alpha_initializer='zeros', shared_axes=[1, 2])", "prelu init=constant(0)"),
        ("prelu channel_shared=true", "prelu shared=yes"),
        ("conv filters=8 kernel=3 neuron=prelu", "conv filters=8 kernel=3\n[a_act] prelu"),
        ("nn.Dropout(p=0.5, inplace=False)", "dropout rate=0.5"),
        ("nn.Linear(64 * 8 * 8, 10)", "fc outputs=10"),
        ("nn.Linear(in_features=4096, out_features=10, bias=True)", "fc outputs=10"),
        ("layers.LeakyReLU()", "leakyrelu slope=0.3"),
        ("nn.LeakyReLU()", "leakyrelu slope=0.01"),
        ("LeakyReLU(alpha=0.2)", "leakyrelu slope=0.2"),
        ("Activation('leaky_relu')", "leakyrelu slope=0.2"),
        ("Dense(10, activation=tf.nn.leaky_relu)", "fc outputs=10 neuron=leakyrelu(0.2)"),
        ("layers.ReLU(max_value=6)", "relu6"),
        ("ReLU(6.0)", "relu6"),
        ("MaxPooling2D()", "maxpool kernel=2"),
        ("layers.AvgPool2D(strides=2)", "avgpool stride=2 kernel=2"),
        ("ZeroPadding2D()", "zeropad pad=1"),
        ("ZeroPadding2D((1, 2))", "zeropad pad=2,2,1,1"),
        ("GlobalAveragePooling2D()", "avgpool kernel=global"),
        ("nn.Dropout(0.5, True)", "dropout rate=0.5"),
        ("nn.BatchNorm2d(64, 1e-3, 0.01)", "batchnorm eps=1e-3 average=0.01"),
        ("nn.Dropout2d(p=0.2, inplace=True)", "dropout over=channels rate=0.2"),
        ("nn.GroupNorm(4, 64)", "groupnorm groups=4"),
        ("nn.GroupNorm(4, 64, 1e-6, device='cpu')", "groupnorm groups=4 eps=1e-6"),
        ("nn.LayerNorm(64, 1e-6, False)", "layernorm eps=1e-6 affine=no"),
        ("nn.LayerNorm(normalized_shape=64)", "layernorm"),
        ("Dense(10, activation='relu', name='fc1')", "fc outputs=10 neuron=relu"),
        ("nn.Softmax(dim=1)", "softmax"),
        ("nn.LocalResponseNorm(5)", "lrn size=5 scale=1e-4"),
        ("nn.LocalResponseNorm(5, alpha=0.001, beta=0.5, k=2)", "lrn size=5 scale=0.001 beta=0.5 k=2"),
        ("Conv2D filters=32 kernel_size=3,3 strides=1,1 padding=valid", "conv filters=32 kernel=3x3 stride=1x1 pad=0"),
        ("conv filters=8 kernel=3 padding=same", "conv filters=8 kernel=3 pad=1"),
        ("conv filters=8 kernel=3 activation='relu'", "conv filters=8 kernel=3 neuron=relu"),
        ("conv filters=8 kernel=3 in_channels=64", "conv filters=8 kernel=3"),
        ("fc outputs=8 in_features=4096", "fc outputs=8"),
        ("groupnorm groups=4 num_channels=64", "groupnorm groups=4"),
        ("layernorm normalized_shape=64", "layernorm"),
        ("concat axis=1", "concat"),
        ("relu inplace=True", "relu"),
        ("dropout keep_prob=0.8", "dropout rate=0.2"),
        ("resize scale_factor=2", "resize step=0.5"),
        ("lrn depth_radius=2 alpha=1e-4", "lrn size=5 alpha=1e-4"),
        ("maxpool kernel=3 stride=2 ceil_mode=True", "maxpool kernel=3 stride=2 rounding=caffe"),
        ("relu6 # as in 'Relu6'\n[b] Dense units=4  # hidden", "relu6 # as in 'Relu6'\n[b] fc outputs=4  # hidden"),
    ],
)
def test_pasted_layer_is_right_after_one_fix(line: str, right: str) -> None:
    text = f"{ABOVE}{line}\n"
    found = only_diagnostic(text)
    (fix,) = found.fixes
    assert fix.checks and apply(fix.edits, text) == f"{ABOVE}{right}\n"


def test_fix_of_a_key_only_names_what_it_changes() -> None:
    found = only_diagnostic(f"{ABOVE}conv filters=8 kernel=3 activation='relu'\n")
    assert [fix.title for fix in found.fixes] == ["write neuron=relu"]


def test_pasted_range_is_right_after_one_fix() -> None:
    text = "[i] input 3x8x8 range=[-1, 1]\n[f] fc outputs=2\n"
    (fix,) = only_diagnostic(text).fixes
    assert (fix.title, fix.effect, fix.checks) == ("write range=1 mean=0.5 std=0.5", "the whole network checks", True)
    assert apply(fix.edits, text) == "[i] input 3x8x8 range=1 mean=0.5 std=0.5\n[f] fc outputs=2\n"


def test_fix_does_not_decide_what_the_line_does_not_say() -> None:
    """How the window tiles is another mistake, of which there are several ways out."""
    text = f"{ABOVE}maxpool kernel=3 stride=(2, 2)\n"
    (fix,) = only_diagnostic(text).fixes
    assert apply(fix.edits, text) == f"{ABOVE}maxpool kernel=3 stride=2x2\n"
    assert (fix.effect, fix.checks) == ("1 other error remains", False)


def test_softmax_of_a_layer_that_others_read_by_name_has_no_fix() -> None:
    found = only_diagnostic("[i] input 8\n[a] fc outputs=8 neuron=softmax\n[b] relu\n[c] sum inputs=a,b\n")
    assert (found.notes, found.fixes) == (("a softmax is a separate layer: [prob] softmax",), ())


def test_attribute_of_a_module_is_a_layer() -> None:
    text = "[i] input 3x8x8\nself.conv1 = nn.Conv2d(3, 6, 5)\nself.fc1 = nn.Linear(6 * 4 * 4, 10)\n"
    (fix,) = only_diagnostic(text).fixes
    assert valid_net(fixed := apply(fix.edits, text)).total.weights == 6 * 3 * 25 + 96 * 10
    assert fixed == "[i] input 3x8x8\n[conv1] conv filters=6 kernel=5\n[fc1] fc outputs=10\n"


def test_attribute_is_a_layer_in_one_fix_even_if_its_window_does_not_tile() -> None:
    text = "[i] input 3x8x8\nself.conv1 = nn.Conv2d(3, 6, 3, stride=2)\n"
    (fix,) = only_diagnostic(text).fixes
    assert apply(fix.edits, text) == "[i] input 3x8x8\n[conv1] conv filters=6 kernel=3 stride=2\n"
    assert (fix.effect, fix.checks) == ("1 error at conv1 comes to light", False)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("conv filters=8 kernel=3 in_channels=3", "in_channels"),
        ("Dense(10, activation='softplusplus')", "neuron"),
        ("nn.AvgPool2d(3, 1, padding=1)", "count_include_pad"),
        ("nn.Upsample(scale_factor=2, mode='bicubic')", "bicubic"),
        ("BatchNormalization(scale=False)", "scale"),
        ("batchnorm scale=False", "scale"),
        ("dropout keep_prob=0", "keep_prob"),
        ("ReLU(max_value=4)", "max_value"),
        ("nn.BatchNorm2d(64, track_running_stats=False)", "track_running_stats"),
        ("nn.MaxPool2d(2, return_indices=True)", "return_indices"),
        ("nn.MaxPool2d(2, dilation=2)", "dilation"),
        ("nn.Conv2d(64, 8, 3, kernel_size=5)", "64x8x3"),
        ("Conv2d(64, 8, 3, padding='same', stride=2)", "pad"),
        ("conv filters=8 kernel=3 padding_mode=reflect", "padding_mode"),
        ("Linear(4096, 10, device='cpu', quux=3)", "quux"),
    ],
)
def test_what_has_no_translation_is_left(line: str, left: str) -> None:
    """The other words are translated; this one still is a mistake, with its own note."""
    text = f"{ABOVE}{line}\n"
    found = only_diagnostic(text)
    assert not any(fix.checks for fix in found.fixes)
    if found.fixes:
        found = only_diagnostic(apply(found.fixes[0].edits, text))
    assert left in found.message and not found.fixes


@pytest.mark.parametrize(
    ("line", "difference"),
    [
        ("nn.Conv2d(32, 8, 3)", "64 channels, not 32"),
        ("conv filters=8 kernel=3 in_channels=32", "64 channels, not 32"),
        ("nn.BatchNorm2d(32)", "64 channels, not 32"),
        ("nn.GroupNorm(4, 32)", "64 channels, not 32"),
        ("nn.LayerNorm(32)", "64 channels, not 32"),
        ("nn.InstanceNorm2d(32)", "64 channels, not 32"),
        ("nn.Linear(100, 10)", "64x8x8 = 4,096 features, not 100"),
        ("nn.PReLU(32)", "64 channels, not 32"),
        ("nn.Linear(64 * 4 * 4, 10)", "64x8x8 = 4,096 features, not 64x4x4 = 1,024"),
        ("Conv2D(8, 3, input_shape=(32, 32, 3))", "64x8x8 = 4,096 features, not 32x32x3 = 3,072"),
    ],
)
def test_other_number_of_channels_read_is_left_with_the_arithmetic(line: str, difference: str) -> None:
    text = f"{ABOVE}{line}\n"
    found = only_diagnostic(text)
    assert not any(fix.checks for fix in found.fixes)
    if found.fixes:
        found = only_diagnostic(apply(found.fixes[0].edits, text))
    note = f"a reads i, which has {difference}: a layer is missing, different or in another place"
    assert (found.code, found.notes[1:], found.fixes) == ("unknown-key", (note,), ())


def test_note_leaves_out_the_number_of_channels_that_is_read() -> None:
    found = only_diagnostic(f"{ABOVE}Conv2d(64, 8, 3)\n")
    assert (found.code, found.notes) == ("missing-type", ("a spec writes it as conv filters=8 kernel=3",))


def test_slope_of_a_class_that_both_tools_have_is_for_the_user_to_choose() -> None:
    found = only_diagnostic(f"{ABOVE}LeakyReLU()\n")
    titles = [fix.title for fix in found.fixes]
    assert titles == ["write leakyrelu slope=0.01", "write leakyrelu slope=0.3"]
    assert found.notes == ("its slope is 0.01 in PyTorch and 0.3 in Keras",)


def test_slopes_of_a_class_that_both_tools_have_are_for_the_user_to_choose() -> None:
    found = only_diagnostic(f"{ABOVE}PReLU()\n")
    assert [fix.title for fix in found.fixes] == ["write prelu shared=yes", "write prelu"]
    assert found.notes == (
        "PReLU() has one slope for all channels in PyTorch, and in Keras one for each unit, which no layer has",
    )


@pytest.mark.parametrize("line", ["PReLU(alpha_regularizer=l2)", "PReLU(shared_axes=[2])", "PReLU(64, 0.1, 3)"])
def test_slopes_that_no_layer_has_are_not_written_as_others(line: str) -> None:
    assert not any(fix.checks for fix in only_diagnostic(f"{ABOVE}{line}\n").fixes)


@pytest.mark.parametrize(
    "line", ["Cropping2D(1)", "CenterCrop(4)", "RReLU()", "Softmin()", "GaussianDropout(0.1)", "FractionalMaxPool2d(2)"]
)
def test_class_whose_name_is_like_a_type_is_not_taken_for_it(line: str) -> None:
    found = only_diagnostic(f"{ABOVE}{line}\n")
    assert not any(fix.checks for fix in found.fixes)


def test_call_behind_a_key_is_not_told_what_a_layer_looks_like() -> None:
    found = only_diagnostic(f"{ABOVE}fc outputs=8 init=nn.init.ones_(0)\n")
    assert found.notes == ("a name is letters, digits, _ and -",)
