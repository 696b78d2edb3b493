"""The networks of specs/classics: their numbers to the last digit, against those that others publish."""

from __future__ import annotations

from fractions import Fraction

import pytest
from classics import CLASSICS, classic
from places import SPECS

from netspec import load
from netspec.net import Net
from netspec.passes.receptive_fields import Field, receptive_fields
from netspec.stats import Totals, totals

COUNTS = {
    # name: parameters, connections
    "all-cnn-c": (1_369_738, 270_798_336),
    "convnext-t": (28_589_128, 4_455_531_264),
    "dcgan-discriminator": (17_232_768, 638_992_384),
    "dcgan-generator": (18_885_760, 640_614_400),
    "deeplab-largefov": (20_505_429, 50_928_085_696),
    "deeplab-v3": (39_638_869, 143_771_045_888),
    "densenet-121": (7_978_856, 2_834_161_664),
    "densenet-bc-100-12": (769_162, 287_929_692),
    "dncnn": (556_032, 886_579_200),
    "efficientnet-b0": (5_288_548, 385_814_752),
    "espcn": (22_729, 6_538_336),
    "fcn-16s": (134_379_194, 180_949_193_472),
    "fcn-32s": (134_432_597, 180_925_453_056),
    "fcn-8s": (134_368_799, 180_992_697_408),
    "fsrcnn": (12_809, 610_736),
    "googlenet": (13_378_280, 1_591_044_096),
    "inception-v3": (27_161_264, 5_718_899_296),
    "lecun-1989": (9_760, 63_660),
    "lenet-1": (2_578, 91_520),
    "mobilenet": (4_231_976, 568_740_352),
    "mobilenet-v2": (3_504_872, 300_774_272),
    "mobilenet-v2-torchvision": (3_504_872, 300_774_272),
    "mobilenet-v3-large": (5_483_032, 216_589_760),
    "nin-cifar10": (966_986, 222_486_528),
    "overfeat-fast": (145_920_872, 2_801_403_904),
    "pspnet-50": (49_180_908, 170_160_481_472),
    "resnet-101": (44_549_160, 7_570_194_432),
    "resnet-18": (11_689_512, 1_814_073_344),
    "resnet-20-cifar10": (269_722, 40_551_040),
    "resnet-34": (21_797_672, 3_663_761_408),
    "resnet-50": (25_557_032, 3_857_973_248),
    "resnet-50-v1-5": (25_557_032, 4_089_184_256),
    "resnext-50": (25_028_904, 4_230_479_872),
    "se-resnet-50": (28_088_024, 3_860_488_192),
    "shufflenet": (1_865_728, 137_460_672),
    "shufflenet-v2": (2_278_604, 144_907_992),
    "squeezenet": (1_248_424, 832_667_936),
    "srcnn": (8_129, 4_872_800),
    "u-net": (31_030_658, 150_428_424_448),
    "vgg-11": (132_863_336, 7_609_090_048),
    "vgg-16": (138_357_544, 15_470_264_320),
    "vgg-19": (143_667_240, 19_632_062_464),
    "wrn-28-10": (36_479_194, 5_243_328_768),
    "xception": (22_855_952, 8_357_403_496),
    "zfnet": (62_357_608, 1_168_032_896),
}

TORCHVISION = {
    "convnext-t": (28_589_128, 4.456),
    "densenet-121": (7_978_856, 2.834),
    "efficientnet-b0": (5_288_548, 0.386),
    "mobilenet-v3-large": (5_483_032, 0.217),
    "mobilenet-v2-torchvision": (3_504_872, 0.301),
    "resnet-18": (11_689_512, 1.814),
    "resnet-34": (21_797_672, 3.664),
    "resnet-50-v1-5": (25_557_032, 4.089),
    "resnext-50": (25_028_904, 4.230),
    "shufflenet-v2": (2_278_604, 0.145),
    "vgg-11": (132_863_336, 7.609),
    "vgg-16": (138_357_544, 15.470),
    "vgg-19": (143_667_240, 19.632),
}
"""``num_params`` and ``_ops``, billions of multiply-adds, of the weights in torchvision/models, torchvision 0.28."""

SQUEEZENET = {
    "conv1": 14_208,
    "fire2": 11_920,
    "fire3": 12_432,
    "fire4": 45_344,
    "fire5": 49_440,
    "fire6": 104_880,
    "fire7": 111_024,
    "fire8": 188_992,
    "fire9": 197_184,
    "conv10": 513_000,
}
"""Iandola et al. (2016), table 1: parameters before pruning."""

GOOGLENET = {
    # part: thousands of parameters and millions of operations of table 1; weights and connections
    "conv1": ("2.7", 34, 9_408, 118_013_952),
    "conv2": ("112", 360, 114_688, 359_661_568),
    "inc3a": ("159", 128, 163_328, 128_049_152),
    "inc3b": ("380", 304, 388_096, 304_267_264),
    "inc4a": ("364", 73, 375_552, 73_608_192),
    "inc4b": ("437", 88, 448_512, 87_908_352),
    "inc4c": ("463", 100, 509_440, 99_850_240),
    "inc4d": ("580", 119, 604_672, 118_515_712),
    "inc4e": ("840", 170, 867_328, 169_996_288),
    "inc5a": ("1072", 54, 1_042_432, 51_079_168),
    "inc5b": ("1388", 71, 1_442_816, 70_697_984),
    "linear": ("1000", 1, 1_024_000, 1_024_000),
}
"""Szegedy et al. (2015), table 1, and what its layers have. A thousand is 1,024 in the column of parameters."""


def part(net: Net, name: str) -> Totals:
    """Add up a module: a layer, or the layers whose names begin with its name and a hyphen."""
    return totals(layer for key, layer in net.layers.items() if key == name or key.startswith(f"{name}-"))


@pytest.mark.parametrize("name", COUNTS)
def test_counts_of_classics(name: str) -> None:
    total = classic(name).total
    assert (total.parameters, total.connections) == COUNTS[name]


def test_every_classic_has_its_counts_here() -> None:
    assert set(COUNTS) == {path.stem for path in CLASSICS}


@pytest.mark.parametrize("name", TORCHVISION)
def test_counts_are_those_that_torchvision_documents(name: str) -> None:
    total = classic(name).total
    assert (total.parameters, round(total.connections / 1e9, 3)) == TORCHVISION[name]


def test_squeezenet_matches_its_table_row_by_row() -> None:
    net = classic("squeezenet")
    assert {name: part(net, name).parameters for name in SQUEEZENET} == SQUEEZENET
    assert sum(SQUEEZENET.values()) == net.total.parameters


@pytest.mark.parametrize("name", GOOGLENET)
def test_modules_of_googlenet(name: str) -> None:
    *_, weights, connections = GOOGLENET[name]
    total = part(classic("googlenet"), name)
    assert (total.weights, total.connections) == (weights, connections)


def test_which_rows_of_googlenets_table_follow_from_its_filters() -> None:
    """Operations do, but for conv1 and inception (5a); most parameters are not within a thousand of 1,024."""
    operations = {name for name, (_, ops, _, connections) in GOOGLENET.items() if abs(connections / 1e6 - ops) < 1}
    assert set(GOOGLENET) - operations == {"conv1", "inc5a"}
    parameters = {name for name, (k, _, weights, _) in GOOGLENET.items() if abs(weights / 1024 - float(k)) <= 1}
    assert parameters == {"conv2", "inc3a", "inc3b", "inc4b", "linear"}
    assert [GOOGLENET[name][2] // 1024 for name in ("inc4c", "inc5a")] == [497, 1018]
    printed = sum(Fraction(k) for k, *_ in GOOGLENET.values())
    assert (float(printed), round(printed * 1024)) == (6797.7, 6_960_845)
    assert sum(weights for _, _, weights, _ in GOOGLENET.values()) == 6_990_272


def test_googlenet_without_and_with_its_auxiliary_classifiers() -> None:
    """6,998,552 are the parameters of Caffe's bvlc_googlenet, which is tested without the auxiliary classifiers."""
    net = classic("googlenet")
    auxiliary = sum(part(net, f"aux{n}").parameters for n in (1, 2))
    assert (net.total.parameters - auxiliary, auxiliary) == (6_998_552, 6_379_728)


def test_inception_v3_without_its_auxiliary_classifier() -> None:
    """torchvision documents 27,161,264 parameters with it and, of the tested network, 5.713 billion multiply-adds."""
    net = classic("inception-v3")
    auxiliary = part(net, "aux")
    assert (auxiliary.parameters, net.total.parameters) == (3_326_696, 27_161_264)
    assert net.total.connections - auxiliary.connections == 5_713_216_096


@pytest.mark.parametrize(("name", "flops"), [("resnet-18", "1.8"), ("resnet-34", "3.6")])
def test_resnets_flops_are_those_of_shortcuts_without_weights(name: str, flops: str) -> None:
    """He et al. (2016), table 1, counts multiply-adds of the networks of table 2, whose shortcuts are of option A."""
    net = classic(name)
    shortcuts = sum(net.layers[f"shortcut{n}"].connections for n in (3, 4, 5))
    assert shortcuts == 19_267_584
    assert f"{(net.total.connections - shortcuts) / 1e9:.1f}" == flops


def test_shares_of_mobilenets_table_2() -> None:
    """Howard et al. (2017), table 2, but for the first convolution, whose 1.19 % have two digits swapped.

    The shares of parameters leave out biases and batch normalisations.
    """
    layers = classic("mobilenet").layers.values()
    weighted = totals(layer for layer in layers if layer.type in ("conv", "fc"))
    rows = {
        "1x1": [x for x in layers if x.type == "conv" and x.windows[0].window.kernel == (1, 1)],
        "depthwise": [x for x in layers if x.type == "conv" and x.windows[0].groups > 1],
        "3x3": [x for x in layers if x.name == "conv1"],
        "fc": [x for x in layers if x.type == "fc"],
    }
    shares = {
        name: (100 * totals(row).connections / weighted.connections, 100 * totals(row).weights / weighted.weights)
        for name, row in rows.items()
    }
    assert {name: (f"{a:.2f}", f"{b:.2f}") for name, (a, b) in shares.items()} == {
        "1x1": ("94.86", "74.59"), "depthwise": ("3.06", "1.06"), "3x3": ("1.91", "0.02"), "fc": ("0.18", "24.33"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "layers", "total"),
    [
        ("lecun-1989", {"h1": (1_068, 19_968), "h2": (2_592, 38_592), "h3": (5_790, 5_790), "output": (310, 310)},
         (9_760, 64_660)),
        ("lenet-1", {"h1": (104, 59_904), "h2": (8, 2_880), "h3": (512, 32_768), "h4": (24, 960),
                     "output": (1_930, 1_930)}, (2_578, 98_442)),
    ],
)  # fmt: skip
def test_networks_before_lenet_5(name: str, layers: dict[str, tuple[int, int]], total: tuple[int, int]) -> None:
    """LeCun et al. (1989), section 3, and LeCun et al. (1990), section 4, which has the sums alone. Both count the bias
    of a unit as a connection; each pixel that a unit of LeNet-1's H2 and H4 adds up is one too."""
    net, counts = classic(name), {}
    for key in layers:
        layer = net.layers[key]
        read = 4 * layer.units if layer.type == "affine" else layer.connections
        counts[key] = layer.parameters, read + layer.units
    assert counts == layers
    assert tuple(map(sum, zip(*counts.values(), strict=True))) == total


@pytest.mark.parametrize(("name", "weights"), [("srcnn", 8_032), ("fsrcnn", 12_464)])
def test_super_resolutions_weights_without_biases_and_slopes(name: str, weights: int) -> None:
    """Dong et al. (2016), table 4 of SRCNN's paper and table 2 of FSRCNN's."""
    layers = classic(name).layers.values()
    assert totals(layer for layer in layers if layer.type in ("conv", "deconv")).weights == weights


@pytest.mark.parametrize(("stride", "side", "enlarged"), [(2, 10, 19), (3, 7, 19), (4, 6, 21)])
def test_training_images_of_fsrcnn(stride: int, side: int, enlarged: int) -> None:
    """Dong, Loy & Tang (2016), section 4.1, for each factor."""
    net = load(SPECS / "classics" / "fsrcnn.net", input=(1, side, side), set=[f"enlarge.stride={stride}"])
    assert net["enlarge"].output[1:] == (enlarged, enlarged)


@pytest.mark.parametrize("name", ["fcn-32s", "fcn-16s", "fcn-8s"])
def test_fcns_learnt_weights_and_receptive_field(name: str) -> None:
    """Long et al. (2015), table 1: 134M parameters and fields of 404 x 404. Added up by hand: VGG-16 without its last
    layer, as convolutions, and 21 scores of 4,096, 512 and 256 maps."""
    net = classic(name)
    scores = {"score_pool4": 21 * 513, "score_pool3": 21 * 257}
    expected = (
        14_714_688 + 102_764_544 + 16_781_312 + 21 * 4_097 + sum(scores[key] for key in scores if key in net.layers)
    )
    assert sum(layer.parameters for layer in net.layers.values() if layer.type == "conv") == expected
    field = receptive_fields(net.graph)["fc7"]
    assert isinstance(field, Field) and (field.rows.sizes, field.rows.stride) == ((404, 404), 32)


def test_deeplab_v3_without_its_auxiliary_classifier() -> None:
    """torchvision documents 42,004,074 parameters and 178.722 billion multiply-adds of 520 x 520 pixels, with a
    convolution of 1,024 to 256 maps, batch normalisation and a convolution to 21 maps, of 65 x 65 pixels."""
    weights, classes = 9 * 1_024 * 256, 256 * 21
    assert classic("deeplab-v3").total.parameters + weights + 2 * 256 + classes + 21 == 42_004_074
    net = load(SPECS / "classics" / "deeplab-v3.net", input=(3, 520, 520))
    assert round((net.total.connections + 65 * 65 * (weights + classes)) / 1e9, 3) == 178.722


def test_pspnet_by_hand() -> None:
    """As the authors' networks have it (hszhao/PSPNet and hszhao/semseg): the three convolutions before ResNet-50's
    blocks, of which the first two read 128 maps, the pyramid, and the two classifiers."""
    net = classic("pspnet-50")
    resnet = classic("resnet-50").total.parameters - (9_408 + 128) - 2_049_000 + 64 * (64 + 256)
    first = 9 * (3 * 64 + 64 * 64 + 64 * 128) + 2 * (64 + 64 + 128)
    pyramid = 4 * (2_048 * 512 + 2 * 512)
    main = 9 * 4_096 * 512 + 2 * 512 + 513 * 150
    auxiliary = 9 * 1_024 * 256 + 2 * 256 + 257 * 150
    assert resnet + first + pyramid + main == 46_782_550
    assert net.total.parameters == 46_782_550 + auxiliary
    pixels, bins = 60 * 60, 1 + 4 + 9 + 36
    heads = pixels * (9 * (4_096 * 512 + 1_024 * 256) + 512 * 150 + 256 * 150) + bins * 2_048 * 512
    added = [layer for name, layer in net.layers.items() if name not in classic("resnet-50").layers]
    assert sum(layer.connections for layer in added if layer.name not in ("conv1_2", "conv1_3")) == heads
    assert net.graph.loss_weights == {"aux-loss": 0.4, "loss": 1.0}


def test_parameters_of_deeplabs_table_2() -> None:
    """Chen et al. (2015), table 2: 20.5M with large fields of view, and 134.3M with windows of 7 x 7."""
    net = classic("deeplab-largefov")
    first = sum(layer.parameters for name, layer in net.layers.items() if name.startswith("conv"))
    assert first == 14_714_688 and round(net.total.parameters / 1e6, 1) == 20.5
    changes = ["fc6.kernel=7", "fc6.dilation=4", "fc6.filters=4096", "fc7.filters=4096"]
    whole = load(SPECS / "classics" / "deeplab-largefov.net", set=changes)
    assert round(whole.total.parameters / 1e6, 1) == 134.3


def test_receptive_field_of_dncnn() -> None:
    """Zhang et al. (2017), section III-A: 2 d + 1 pixels with d layers, 35 with 17."""
    field = receptive_fields(classic("dncnn").graph)["clean"]
    assert isinstance(field, Field) and (field.rows.sizes, field.columns.sizes) == ((35, 35), (35, 35))


def test_squeeze_and_excitation_adds_two_and_a_half_million_parameters() -> None:
    """Hu et al. (2018), section 4, "~2.5 million": 2 c^2 / 16 weights and c + c / 16 biases of each of 16 blocks."""
    added = classic("se-resnet-50").total.parameters - classic("resnet-50").total.parameters
    blocks = {256: 3, 512: 4, 1024: 6, 2048: 3}
    assert added == sum(n * (2 * c * c // 16 + c + c // 16) for c, n in blocks.items()) == 2_530_992


def test_weights_of_mobilenet_v2_without_biases_and_batch_normalisations() -> None:
    net = classic("mobilenet-v2")
    assert totals(layer for layer in net.layers.values() if layer.type in ("conv", "fc")).weights == 3_469_760
