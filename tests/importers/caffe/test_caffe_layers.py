"""Which lines the layers of Caffe become."""

from __future__ import annotations

import pytest
from caffe_files import images, labelled, layer
from prototxt import layers, net, problems, rejected, spec

from netspec.ir.shape import Shape


def conv(name: str, bottom: str = "data", **fields: object) -> str:
    return layer(name, "Convolution", bottom, convolution_param={"num_output": 8, **fields})


def pool(name: str, bottom: str = "data", **fields: object) -> str:
    return layer(name, "Pooling", bottom, pooling_param=fields)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"kernel_size": 3}, "conv filters=8 kernel=3"),
        ({"kernel_size": 3, "pad": 1, "stride": 2}, "conv filters=8 kernel=3 stride=2 pad=1"),
        ({"kernel_h": 3, "kernel_w": 5, "pad_w": 2}, "conv filters=8 kernel=3x5 pad=2,2,0,0"),
        ({"kernel_size": [3, 5], "stride": [1, 2]}, "conv filters=8 kernel=3x5 stride=1x2"),
        ({"kernel_size": 3, "dilation": 2, "bias_term": False}, "conv filters=8 kernel=3 dilation=2 bias=none"),
        ({"kernel_size": 1, "group": 4, "engine": "CAFFE"}, "conv filters=8 kernel=1 groups=4"),
        ({"kernel_size": 3, "pad": 4}, "conv filters=8 kernel=3 pad=4 outside=bias"),
    ],
)
def test_convolution(fields: dict[str, object], line: str) -> None:
    assert layers(images(4, 17, 17) + conv("c", **fields)) == [f"[c] {line}"]


def test_convolutions_round_down_and_poolings_up() -> None:
    text = images(4, 14, 14) + conv("c", kernel_size=3, stride=2) + pool("p", "c", kernel_size=3, stride=2)
    assert spec(text) == [
        "net a rounding=caffe",
        "[data] input 4x14x14",
        "[c] conv filters=8 kernel=3 stride=2",
        "[p] maxpool kernel=3 stride=2",
    ]
    assert [net(text)[name].output for name in ("c", "p")] == [Shape(8, 6, 6), Shape(8, 3, 3)]


@pytest.mark.parametrize(
    ("fields", "lines", "output"),
    [
        ({"kernel_size": 3}, ["[p] maxpool kernel=3 stride=1"], (4, 7, 7)),
        ({"kernel_size": 2, "stride": 2, "pool": "AVE"}, ["[p] avgpool kernel=2"], (4, 5, 5)),
        # The window that would begin in the padding, at pixel 9, is left out.
        ({"kernel_size": 2, "stride": 2, "pad": 1}, ["[p] maxpool kernel=2 pad=1"], (4, 5, 5)),
        ({"kernel_size": 3, "stride": 2, "pad": 1}, ["[p] maxpool kernel=3 stride=2 pad=1"], (4, 5, 5)),
        # (9 + 2 - 3) / 3 + 1 = 3.67 windows in a column, (9 - 3) / 3 + 1 = 3 in a row; the fourth begins at pixel 8.
        ({"kernel_size": 3, "stride": 3, "pad_h": 1, "pad_w": 0}, ["[p] maxpool kernel=3 pad=0,0,1,1"], (4, 4, 3)),
        # Caffe's average counts the padding: zeros are pixels then.
        (
            {"kernel_size": 3, "stride": 2, "pad": 1, "pool": "AVE"},
            ["[zeropad] zeropad pad=1", "[p] avgpool kernel=3 stride=2"],
            (4, 5, 5),
        ),
        (
            {"kernel_size": 2, "stride": 2, "pad": 1, "pool": "AVE"},
            ["[zeropad] zeropad pad=1", "[p] avgpool kernel=2 rounding=down"],
            (4, 5, 5),
        ),
        ({"global_pooling": True, "pool": "AVE"}, ["[p] avgpool kernel=global"], (4, 1, 1)),
        ({"kernel_size": 2, "stride": 2, "round_mode": "FLOOR"}, ["[p] maxpool kernel=2 rounding=down"], (4, 4, 4)),
    ],
)
def test_pooling(fields: dict[str, object], lines: list[str], output: tuple[int, ...]) -> None:
    text = images(4, 9, 9) + pool("p", **fields)
    assert layers(text) == lines
    assert net(text)["p"].output == Shape(*output)


def test_empty_window_of_a_pooling_is_refused() -> None:
    text = images(1, 10, 10) + pool("p", kernel_size=1, stride=3) + pool("q", kernel_size=2, stride=8, pad=1)
    assert len(layers(text)) == 2
    (note,) = problems(images(1, 8, 8) + pool("p", kernel_size=1, stride=7) + pool("q", kernel_size=1, stride=5))
    assert note == "q (Pooling) in line 3: its last window begins at pixel 10, behind the last one, 7: it reads nothing"


@pytest.mark.parametrize(
    ("type_", "fields", "line"),
    [
        ("ReLU", {}, "neuron=relu"),
        ("ReLU", {"relu_param": {"negative_slope": 0.1}}, "neuron=leakyrelu(0.1)"),
        ("Sigmoid", {}, "neuron=logistic"),
        ("TanH", {}, "neuron=tanh"),
        ("AbsVal", {}, "neuron=abs"),
        ("ELU", {"elu_param": {"alpha": 0.5}}, "neuron=elu(0.5)"),
        ("Swish", {}, "neuron=silu"),
        ("Clip", {"clip_param": {"min": 0, "max": 6}}, "neuron=relu6"),
        ("Power", {"power_param": {"power": 2}}, "neuron=square"),
    ],
)
def test_functions_stand_at_the_layers_that_they_follow(type_: str, fields: dict[str, object], line: str) -> None:
    text = (
        images(3, 9, 9)
        + conv("c", kernel_size=3)
        + layer("f", type_, "c", ("f" if type_ == "AbsVal" else "c"), **fields)
    )
    assert layers(text) == [f"[c] conv filters=8 kernel=3 {line}"]


def test_function_of_a_value_that_others_read_too_is_a_line() -> None:
    text = images(3, 9, 9) + conv("c", kernel_size=3)
    both = layer("r", "ReLU", "c") + layer("s", "Eltwise", ["c", "r"])
    assert layers(text + both)[1:] == ["[r] relu", "[s] sum inputs=c,r"]


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"scale": 2, "shift": 0.5}, ["[f] linear a=2 b=0.5"]),
        ({"scale": 2, "power": 0.5}, ["[linear] linear a=2", "[f] sqrt"]),
        ({"shift": 1, "power": 2}, ["[linear] linear b=1", "[f] square"]),
    ],
)
def test_power(fields: dict[str, object], lines: list[str]) -> None:
    assert layers(images(3, 9, 9) + layer("f", "Power", "data", power_param=fields)) == lines


def test_logarithm_of_a_base() -> None:
    text = images(3, 9, 9) + layer("f", "Log", "data", log_param={"base": 10, "scale": 2, "shift": 1})
    assert layers(text) == ["[linear] linear a=2", "[f] log a=1", "[f_linear] linear a=0.434294482"]


def test_eltwise_with_coefficients() -> None:
    two = images(3, 9, 9) + layer("a", "TanH", "data") + layer("b", "Sigmoid", "data")
    lines = ["[a] tanh", "[b] logistic inputs=data"]
    for fields, last in (
        ({}, ["[e] sum inputs=a,b"]),
        ({"operation": "PROD"}, ["[e] product inputs=a,b"]),
        ({"operation": "MAX"}, ["[e] max inputs=a,b"]),
        ({"coeff": [1, -1]}, ["[linear] linear a=-1", "[e] sum inputs=a,linear"]),
    ):
        assert layers(two + layer("e", "Eltwise", ["a", "b"], eltwise_param=fields)) == [*lines, *last]


def test_normalisations() -> None:
    across = layer("n", "LRN", "data", lrn_param={"local_size": 5, "alpha": 1e-4, "beta": 0.75})
    assert layers(images(3, 9, 9) + across) == ["[n] lrn size=5 scale=0.0001 beta=0.75"]
    within = {"local_size": 3, "alpha": 5e-5, "norm_region": "WITHIN_CHANNEL", "k": 2}
    lines = layers(images(3, 9, 9) + layer("n", "LRN", "data", lrn_param=within))
    assert lines == ["[n] rnorm size=3 scale=5e-5 beta=0.75"]  # k is 1 there, whatever the file says
    (note,) = problems(images(3, 2, 9) + layer("n", "LRN", "data", lrn_param=within))
    assert note.endswith("its window of 3x3 is larger than its maps of 2x9; that of a spec's rnorm is not")
    assert rejected(images(3, 9, 9) + layer("n", "LRN", "data", lrn_param={"local_size": 4})) == [
        "n: its local_size is even; Caffe takes odd ones"
    ]


def test_scale_completes_a_batch_normalisation() -> None:
    c = images(3, 9, 9) + conv("c", kernel_size=3, bias_term=False)
    bn = layer("bn", "BatchNorm", "c", "c", batch_norm_param={"use_global_stats": True})
    scale = layer("sc", "Scale", "c", "c", scale_param={"bias_term": True})
    relu = layer("r", "ReLU", "c", "c")
    assert layers(c + bn + scale + relu)[1:] == ["[bn] batchnorm average=0.001 neuron=relu"]
    assert layers(c + bn)[1:] == ["[bn] batchnorm average=0.001 affine=no"]
    alone = layer("sc", "Scale", "c", "c")
    assert layers(c + bn + alone)[1:] == ["[bn] batchnorm average=0.001 affine=no", "[sc] affine bias=none"]
    options = layer("bn", "BatchNorm", "c", batch_norm_param={"eps": 1e-3, "moving_average_fraction": 0.9})
    twice = options + layer("sc", "Scale", "bn", scale_param={"bias_term": True}) + layer("e", "Eltwise", ["bn", "sc"])
    assert layers(c + twice)[1:3] == ["[bn] batchnorm eps=0.001 average=0.1 affine=no", "[sc] affine"]


def test_scale_and_bias_of_their_own() -> None:
    assert layers(images(3, 9, 9) + layer("s", "Scale", "data", scale_param={"bias_term": True})) == ["[s] affine"]
    assert layers(images(3, 9, 9) + layer("b", "Bias", "data")) == ["[b] affine lr_mult=0 decay_mult=0"]
    wrong = layer("s", "Scale", "data", scale_param={"num_axes": -1})
    (note,) = problems(images(3, 9, 9) + wrong)
    assert note == "s (Scale) in line 2: its numbers are not one for each channel"


def test_scale_by_another_value_is_a_product() -> None:
    text = images(8, 9, 9) + pool("p", global_pooling=True, pool="AVE")
    text += layer("g", "InnerProduct", "p", inner_product_param={"num_output": 8}) + layer("s", "Sigmoid", "g", "g")
    scaled = layer("m", "Scale", ["data", "g"], scale_param={"axis": 0})
    assert layers(text + scaled)[-1] == "[m] product inputs=data,g"
    (note,) = problems(text + layer("m", "Scale", ["data", "g"]))
    assert "it multiplies N x 8 x 9 x 9 by N x 8 from axis 1 on" in note


def test_inner_product_dropout_and_softmax() -> None:
    text = images(3, 4, 5) + layer("f", "InnerProduct", "data", inner_product_param={"num_output": 7})
    text += layer("r", "ReLU", "f", "f") + layer("d", "Dropout", "f", "f", dropout_param={"dropout_ratio": 0.4})
    text += layer("prob", "Softmax", "f")
    assert layers(text) == ["[f] fc outputs=7 neuron=relu", "[d] dropout rate=0.4", "[prob] softmax"]
    unscaled = layer("d", "Dropout", "data", dropout_param={"scale_train": False})
    assert layers(images(3) + unscaled) == ["[d] dropout rate=0.5 scaling=test"]


def test_softmax_of_single_pixels_is_one_of_a_vector() -> None:
    text = images(5, 4, 4) + pool("p", global_pooling=True, pool="AVE") + layer("prob", "Softmax", "p")
    assert layers(text)[1:] == ["[flatten] flatten", "[prob] softmax"]
    assert layers(images(5, 4, 4) + layer("prob", "Softmax", "data")) == ["[prob] softmax"]
    (note,) = problems(images(5, 4, 4) + layer("prob", "Softmax", "data", softmax_param={"axis": 2}))
    assert note.endswith("its softmax is not over the channels")


def test_flattening_and_reshaping_need_lines_only_where_they_matter() -> None:
    flat = layer("f", "Flatten", "data")
    dense = layer("d", "InnerProduct", "f", inner_product_param={"num_output": 2})
    assert layers(images(3, 4, 4) + flat + dense) == ["[d] fc outputs=2"]
    assert layers(images(3, 4, 4) + flat + layer("s", "Softmax", "f")) == ["[flatten] flatten", "[s] softmax"]
    for dims in ([0, -1], [-1, 48], [0, 48]):
        same = layer("f", "Reshape", "data", reshape_param={"shape": {"dim": dims}})
        assert layers(images(3, 4, 4) + same + dense) == ["[d] fc outputs=2"]
    maps = layer("f", "Reshape", "data", reshape_param={"shape": {"dim": [0, 12, 2, 2]}}) + pool(
        "p", "f", kernel_size=2
    )
    assert layers(images(3, 4, 4) + maps) == ["[reshape] reshape size=12x2x2", "[p] maxpool kernel=2 stride=1"]
    part = {"shape": {"dim": [2, 8]}, "axis": 2}
    lines = layers(images(3, 4, 4) + layer("f", "Reshape", "data", reshape_param=part) + pool("p", "f", kernel_size=2))
    assert lines[0] == "[reshape] reshape size=3x2x8"


def test_concatenation() -> None:
    two = images(3, 4, 4) + layer("a", "TanH", "data") + layer("b", "Sigmoid", "data")
    assert layers(two + layer("c", "Concat", ["a", "b"]))[-1] == "[c] concat inputs=a,b"
    for fields in ({"axis": 1}, {"axis": -3}, {"concat_dim": 1}):
        assert layers(two + layer("c", "Concat", ["b", "a"], concat_param=fields))[-1] == "[c] concat inputs=b,a"
    flat = layer("f", "Flatten", "a") + layer("g", "Flatten", "b") + layer("c", "Concat", ["f", "g"])
    assert layers(two + flat)[2:] == [
        "[flatten] flatten inputs=a",
        "[flatten2] flatten inputs=b",
        "[c] concat inputs=flatten,flatten2",
    ]
    (note,) = problems(two + layer("c", "Concat", ["a", "b"], concat_param={"axis": 2}))
    assert note.endswith("it joins along another axis than the channels")


def test_losses() -> None:
    text = labelled(3, 4, 4) + layer("f", "InnerProduct", "data", inner_product_param={"num_output": 5})
    loss = layer("loss", "SoftmaxWithLoss", ["f", "label"])
    assert layers(text + loss)[-1] == "[loss] crossentropy"
    weighted = layer("loss", "SoftmaxWithLoss", ["f", "label"], loss_weight=0.3)
    assert layers(text + weighted)[-1] == "[loss] crossentropy loss_weight=0.3"
    for parameter, reason in (
        ({"ignore_label": 255}, "it ignores a label"),
        ({"normalization": "NONE"}, "it is summed"),
    ):
        (note,) = problems(text + layer("loss", "SoftmaxWithLoss", ["f", "label"], loss_param=parameter))
        assert reason in note


def test_what_only_reports_read_is_left_out() -> None:
    text = labelled(3, 4, 4) + layer("f", "InnerProduct", "data", inner_product_param={"num_output": 5})
    text += layer("loss", "SoftmaxWithLoss", ["f", "label"], ["loss", "p"]) + layer(
        "a", "Accuracy", ["p", "label"], phase="TEST"
    )
    text += layer("prob", "Softmax", "f") + layer("b", "Accuracy", ["prob", "label"])
    text += layer("class", "ArgMax", "f") + layer("s", "Silence", ["class"]).replace(' top: "s"', "")
    text += layer("m", "Pooling", "data", ["m", "mask"], pooling_param={"kernel_size": 2})
    text += layer("t", "Silence", ["m", "mask"]).replace(' top: "t"', "")
    assert layers(text) == ["[f] fc outputs=5 init=constant(0)", "[loss] crossentropy"]
    assert layers(text + layer("r", "ReLU", "p"))[2:] == ["[loss_softmax] softmax inputs=f", "[r] relu"]


def test_weights_of_a_name_are_shared() -> None:
    shared = {"name": "w"}
    text = images(3, 9, 9) + layer(
        "a", "Convolution", "data", param=shared, convolution_param={"num_output": 3, "kernel_size": 3, "pad": 1}
    )
    again = layer("b", "Convolution", "a", param=shared, convolution_param={"num_output": 3, "kernel_size": 3})
    assert layers(text + again)[1] == "[b] conv filters=3 kernel=3 weights=a"
    other = layer("b", "Convolution", "a", param=shared, convolution_param={"num_output": 4, "kernel_size": 3})
    (note,) = problems(text + other)
    assert note.endswith("it shares weights with a layer of another shape")
    biases = layer("b", "Convolution", "a", param=[{}, shared], convolution_param={"num_output": 3, "kernel_size": 3})
    assert "it shares biases" in problems(text + biases)[0]


def test_a_deconvolution_has_the_weights_of_a_convolution() -> None:
    """Both blobs are 8 x 3 x 3 x 3, as in a tied autoencoder."""

    def tied(name: str, type_: str, bottom: str, outputs: int, **more: int) -> str:
        fields = {"num_output": outputs, "kernel_size": 3, **more}
        return layer(name, type_, bottom, param={"name": "w"}, convolution_param=fields)

    text = images(3, 9, 9) + tied("a", "Convolution", "data", 8)
    assert layers(text + tied("b", "Deconvolution", "a", 3))[1] == "[b] deconv filters=3 kernel=3 weights=a"
    assert net(text + tied("b", "Deconvolution", "a", 3)).graph.parameters["a.weight"].shape == (8, 3, 3, 3)
    (note,) = problems(text + tied("b", "Deconvolution", "a", 8))
    assert note.endswith("it shares weights with a layer of another shape")
    grouped = tied("b", "Deconvolution", "a", 6, group=2)  # 8 x 6 / 2 x 3 x 3
    assert layers(text + grouped)[1] == "[b] deconv filters=6 kernel=3 groups=2 weights=a"
    assert net(text + grouped)["b"].output == Shape(6, 9, 9)


def test_all_that_a_spec_cannot_express_is_in_one_report() -> None:
    text = images(3, 9, 9) + layer("p", "BNLL", "data") + layer("q", "BNLL", "p") + layer("d", "Tile", "q")
    text += layer("u", "Upsample", "data") + layer("e", "Exp", "data")
    assert problems(text) == [
        "p (BNLL) in line 2, q (BNLL) in line 3: a spec's softrelu is log(1 + e^x) only up to 4 and x above, which "
        "differs by up to 0.018",
        "d (Tile) in line 4: it repeats a value along an axis",
        "u (Upsample) in line 5: BVLC's Caffe has no layers of this type: take it out of a copy of the file, so that "
        "its readers read what it reads, and add what computes the same to the converted spec; `netspec explain` lists "
        "the layers of a spec",
        "e (Exp) in line 6: a spec has no exponential function",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            layer("c", "BatchNorm", "data", batch_norm_param={"eps": 0}),
            "c (BatchNorm) in line 2: its eps is not above 0",
        ),
        (conv("c", kernel_size=3, dilation=0), "c (Convolution) in line 2: its dilation is 0"),
        (layer("c", "Clip", "data", clip_param={"min": 1, "max": 1}), "c (Clip) in line 2: its limits are 1 and 1"),
    ],
)
def test_numbers_that_a_spec_lacks(text: str, reason: str) -> None:
    assert problems(images(3, 9, 9) + text) == [reason]


def test_what_a_layer_of_a_spec_lacks_is_refused() -> None:
    fc = layer("f", "InnerProduct", "data", inner_product_param={"num_output": 5})
    for fields, reason in (
        ({"loss_weight": 1}, "its top is a loss by itself"),
        ({"blobs": {"data": [1, 2]}}, "its weights are in this file"),
        ({"propagate_down": False}, "it passes no gradient to what it reads"),
    ):
        loss = layer("loss", "SoftmaxWithLoss", ["r", "label"])
        assert problems(labelled(3) + fc + layer("r", "ReLU", "f", **fields) + loss) == [
            f"r (ReLU) in line 3: {reason}"
        ]
    bn = layer("a", "BatchNorm", "data", param={"name": "m"}) + layer("b", "BatchNorm", "a", param={"name": "m"})
    assert problems(images(3) + bn) == ["b (BatchNorm) in line 3: it shares its parameters with another layer"]
    # Gradients of images and labels are not needed, and a file that is not for training has none.
    assert layers(images(3) + fc + layer("r", "ReLU", "f", propagate_down=False)) == ["[f] fc outputs=5 neuron=relu"]
    loss = layer("loss", "SoftmaxWithLoss", ["f", "label"], propagate_down=[True, False])
    assert layers(labelled(3) + fc + loss)[-1] == "[loss] crossentropy"


def test_other_outputs_are_a_warning() -> None:
    heads = [layer(name, "InnerProduct", "data", inner_product_param={"num_output": 5}) for name in ("a", "b")]
    (warning,) = net(images(3) + "".join(heads)).warnings
    assert (warning.code, warning.message) == ("caffe-outputs", "the network has 2 outputs; a spec has one, here b")
    assert warning.notes == ("the others are layers that no layer need read: a",)
    losses = [layer(f"loss_{name}", "SoftmaxWithLoss", [name, "label"]) for name in ("a", "b")]
    assert "caffe-outputs" not in {found.code for found in net(labelled(3) + "".join(heads + losses)).warnings}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "[p] prelu"),
        ({"channel_shared": True, "filler": {"type": "constant", "value": 0.25}}, "[p] prelu shared=yes"),
        ({"filler": {"type": "gaussian", "std": 0.1, "mean": 0.2}}, "[p] prelu init=gaussian(0.1, mean=0.2)"),
    ],
)
def test_learnt_slopes(fields: dict[str, object], line: str) -> None:
    prelu = layer("p", "PReLU", "data", prelu_param=fields)
    fc = layer("f", "InnerProduct", "p", inner_product_param={"num_output": 5})
    loss = layer("loss", "SoftmaxWithLoss", ["f", "label"])
    assert layers(labelled(3, 9, 9) + prelu + fc + loss)[0] == line
    named = layer("q", "PReLU", "p", param={"name": "s"}) + layer("r", "PReLU", "q", param={"name": "s"})
    assert problems(images(3) + prelu + named) == ["r (PReLU) in line 4: it shares its parameters with another layer"]
    assert rejected(images(3) + layer("p", "PReLU", "data", param=[{}, {}])) == [
        "p: it has 2 param, and 1 blobs of parameters"
    ]


DROPOUT = layer("c", "Dropout", "data", dropout_param={"dropout_ratio": 1})
RESHAPE = layer("c", "Reshape", "data", reshape_param={"shape": {"dim": [0, 5]}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (conv("c", kernel_size=3, kernel_h=2), "kernel_size and kernel_h are both given; Caffe takes one of them"),
        (conv("c"), "it has no kernel_size"),
        (conv("c", kernel_size=3, group=3), "group must divide its channels and num_output"),
        (layer("c", "Convolution", "data", convolution_param={"kernel_size": 3}), "it has no num_output"),
        (conv("c", kernel_size=11), "its window is larger than its bottom"),
        (pool("c", kernel_size=2, pad=2), "its padding is not smaller than its window"),
        (pool("c", kernel_size=2, global_pooling=True), "global_pooling takes the whole map, and has no kernel_size"),
        (layer("c", "Eltwise", ["data", "data"], eltwise_param={"coeff": 1}), "it has 2 bottoms and 1 coeff"),
        (layer("c", "ReLU", ["data", "data"]), "it has 2 bottoms, and ReLU takes 1"),
        (layer("c", "Sigmoid", "data", ["c", "d"]), "it has 2 tops, and Sigmoid takes 1"),
        (layer("c", "ReLU", "data", propagate_down=[True, True]), "it has 1 bottom, and propagate_down for 2"),
        (layer("c", "BatchNorm", "data", param=[{}] * 4), "it has 4 param, and 3 blobs of parameters"),
        (DROPOUT, "its dropout_ratio is not between 0 and 1"),
        (RESHAPE, "its bottom has 243 numbers, its top 5"),
    ],
)
def test_what_caffe_rejects_is_an_error(text: str, message: str) -> None:
    assert rejected(images(3, 9, 9) + text) == [f"c: {message}"]
