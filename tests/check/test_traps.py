"""Warnings about typical mistakes in convnets: where they appear, where they do not, and silencing them by code."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from checking import marked, position_of

import netspec
from netspec.check.traps.strength import strengths
from netspec.diagnostics import apply

SPECS = Path(__file__).parent.parent.parent / "specs"

TRAPS = {  # a spec with the place of its warning marked, and one without a warning
    "unread-pixels": (
        "[i] input 3x32x32\n[c] conv filters=4 «kernel=4» stride=3 rounding=down\n",
        "[i] input 3x31x31\n[c] conv filters=4 kernel=4 stride=3 rounding=down\n",
    ),
    "relu-on-scores": (
        "[i] input 8\n[f] fc outputs=4 «neuron=relu»\n[s] softmax\n",
        "[i] input 8\n[f] fc outputs=4 neuron=relu\n[g] fc outputs=4\n[s] softmax\n",
    ),
    "softmax-twice": (
        "[i] input 8\n[f] fc outputs=4\n[s] softmax\n[l] «crossentropy»\n",
        "[i] input 8\n[f] fc outputs=4\n[l] crossentropy\n",
    ),
    "no-class-loss": (
        "[i] input 8\n[f] fc outputs=4 init=he\n[l] «sumsquares»\n[g] fc outputs=3 inputs=f\n[s] softmax\n",
        "[i] input 8\n[f] fc outputs=4 init=he\n[l] sumsquares gate=class\n[g] fc outputs=3 inputs=f\n[s] softmax\n",
    ),
    "dropout-on-scores": (
        "[i] input 8\n[f] fc outputs=4\n[d] «dropout»\n[s] softmax\n",
        "[i] input 8\n[f] fc outputs=4 neuron=relu\n[d] dropout\n[g] fc outputs=4\n[s] softmax\n",
    ),
    "image-dropped": (
        "[i] input 8\n[a] fc outputs=8 neuron=relu\n[d] dropout «over=images»\n[g] fc outputs=4\n[s] softmax\n",
        "[i] input 8\n[a] fc outputs=8\n[d] dropout over=images\n[b] sum inputs=i,d\n[g] fc outputs=4\n[s] softmax\n",
    ),
    "linear-layers": (
        "[i] input 8\n[f] «fc» outputs=4\n[g] fc outputs=4\n",
        "[i] input 8\n[f] fc outputs=4 neuron=relu\n[g] fc outputs=4\n",
    ),
    "lrn-across-groups": (
        "[i] input 8x8x8\n[c] conv filters=8 kernel=3 groups=2\n[n] lrn «size=5» scale=1e-4\n",
        "[i] input 8x8x8\n[c] conv filters=8 kernel=3\n[n] lrn size=5 scale=1e-4\n",
    ),
    "super-eps-too-small": (
        "[i] input 8\n[f] fc outputs=4 «super_eps=0.2»\n",
        "[i] input 8\n[f] fc outputs=4 super_eps=0.25\n",
    ),
    "rate-too-large": (
        "[i] input 8\n[f] fc outputs=4\ntrain «optimizer=adamw(lr=0.1)»\n",
        "[i] input 8\n[f] fc outputs=4\ntrain optimizer=adamw(lr=0.05)\n",
    ),
    "saturating-bias": (
        "[i] input 8\n[f] fc outputs=4 «bias=1» neuron=tanh\n",
        "[i] input 8\n[f] fc outputs=4 bias=1 neuron=relu\n",
    ),
    "batchnorm-momentum": (
        "[i] input 8x8x8\n[b] batchnorm «momentum=0.9»\n",
        "[i] input 8x8x8\n[b] batchnorm average=0.1 bias_momentum=0.9\n",
    ),
    "mean-out-of-range": (
        "[i] input 3x8x8 «mean=103.9,116.8,0»\n[f] fc outputs=4\n",
        "[i] input 3x8x8 mean=103.9,116.8,0 range=255\n[f] fc outputs=4\n",
    ),
    "maps-summed": (
        "[i] input 3x8x8\n[u] deconv filters=6 kernel=4 stride=2 pad=1 «init=bilinear»\n",
        "[i] input 3x8x8\n[u] deconv filters=6 kernel=4 stride=2 pad=1 init=bilinear groups=3\n",
    ),
    "signal-vanishes": (
        "[i] input 8 range=1\n[f] fc outputs=4 «init=gaussian(1e-5)»\n",
        "[i] input 8 range=1\n[f] fc outputs=4 init=gaussian(0.1)\n",
    ),
    "signal-explodes": (
        "[i] input 1000 range=255\n[f] fc outputs=1000 «init=gaussian(5)»\n",
        "[i] input 1000 range=255\n[f] fc outputs=1000 init=he\n",
    ),
    "unread-layer": (
        "[i] input 8\n[«f»] fc outputs=4\n[g] fc outputs=4 inputs=i\n",
        "[i] input 8\n[f] fc outputs=4 neuron=relu\n[g] fc outputs=4 inputs=f\n",
    ),
}


@pytest.mark.parametrize("type_", ["crop", "resize"])
def test_layer_of_which_only_the_size_is_read_has_no_effect(type_: str) -> None:
    image, layer = "[i] input 3x8x8\n", "[{}] conv filters=4 kernel=3\n"
    text, place = marked(image + layer.format("«c»") + f"[r] {type_} inputs=i,c\n")
    (warning,) = netspec.loads(text).warnings
    assert (warning.message, position_of(warning)) == ("only the size of c is read", place)
    used = f"[r] {type_} inputs=i,c\n[s] concat inputs=c,r\n"
    assert not netspec.loads(image + layer.format("c") + used).warnings


@pytest.mark.parametrize("code", TRAPS)
def test_trap_gives_a_warning_at_its_location_only(code: str) -> None:
    wrong, right = TRAPS[code]
    text, place = marked(wrong)
    (warning,) = netspec.loads(text).warnings
    assert (warning.code, warning.severity, position_of(warning)) == (code, "warning", place)
    assert netspec.loads(right).warnings == ()


@pytest.mark.parametrize("code", TRAPS)
def test_comment_silences_a_trap_by_its_code(code: str) -> None:
    wrong, (line, _, _) = marked(TRAPS[code][0])
    lines = wrong.splitlines()
    for comment, warnings in (
        (f"# meant: allow: {code}", 0),
        (f"# allow: unknown-allow, cycle, {code}", 0),
        ("# allow: cycle, unknown-allow", 1),
    ):
        text = "\n".join(f"{x}  {comment}" if n == line else x for n, x in enumerate(lines, 1))
        assert len(netspec.loads(text).warnings) == warnings, comment


NO_CLASS_LOSS = "[i] input 8\n[f] fc outputs=4\n[l] sumsquares\n"


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        (
            NO_CLASS_LOSS + "[g] fc outputs=3 inputs=f\n[s] softmax\n",
            NO_CLASS_LOSS + "[g] fc outputs=3 inputs=f\n[loss] crossentropy inputs=g\n[s] softmax inputs=g\n",
        ),
        (
            NO_CLASS_LOSS + "[g] fc outputs=3 inputs=f\n[loss] softmax inputs=g",
            NO_CLASS_LOSS + "[g] fc outputs=3 inputs=f\n[loss2] crossentropy inputs=g\n[loss] softmax inputs=g",
        ),
        (
            NO_CLASS_LOSS + "[g] fc outputs=3 inputs=f",
            NO_CLASS_LOSS + "[g] fc outputs=3 inputs=f\n[loss] crossentropy inputs=g\n",
        ),
        # The loss reads the scores, but not the classes.
        (
            "[i] input 8\n[f] fc outputs=4\n[s] softmax # allow: unread-layer\n[l] sumsquares inputs=f\n",
            "[i] input 8\n[f] fc outputs=4\n[loss] crossentropy inputs=f\n[s] softmax inputs=f # allow: unread-layer\n"
            "[l] sumsquares inputs=f\n",
        ),
    ],
)
def test_fix_adds_cross_entropy_next_to_a_loss_without_classes(text: str, fixed: str) -> None:
    (warning,) = netspec.loads(text).warnings
    (fix,) = warning.fixes
    assert (warning.code, fix.checks, apply(fix.edits, text)) == ("no-class-loss", True, fixed)


@pytest.mark.parametrize(
    "ending",
    [
        "[t] linear a=-1\n[d] sum inputs=i,t\n[l] sumsquares\n",  # an autoencoder
        "[l] sumsquares\n",
        "[s] softmax\n[l] sumsquares\n",  # few classes at a time, whichever
        "[l] sumsquares\n[r] reshape size=2x2x2 inputs=f\n",  # the last layer is an image and not scores
        "[l] sumsquares\n[shown] logistic inputs=f\n",  # no layer after the loss has parameters
    ],
)
def test_network_trained_without_classes_gives_no_warning(ending: str) -> None:
    assert netspec.loads(f"[i] input 8\n[f] fc outputs=8\n{ending}").warnings == ()


def test_signal_strength_by_hand() -> None:
    """range=1 minus its mean: 1/4; 8 inputs with weights of 0.1: sqrt(8 / 16 * 0.01); ReLU: / sqrt 2."""
    graph = netspec.loads("[i] input 8 range=1 mean=channel\n[f] fc outputs=4 init=gaussian(0.1) neuron=relu\n").graph
    roots = strengths(graph)
    assert roots["i"] == 0.25
    assert roots["f:linear"] == pytest.approx(0.0707107, rel=1e-5)
    assert roots["f"] == pytest.approx(0.05, rel=1e-5)


@pytest.mark.parametrize(
    ("keys", "strength"),
    [
        ("mean=channel std=channel", 1.0),
        ("mean=0.5 std=0.5", 0.5),  # 0.25 / 0.5
        ("mean=0.25", (0.25**2 + 0.25**2) ** 0.5),  # the mean is 0.25 below the middle, with a deviation of 0.25
        ("range=255 mean=127.5 std=63.75", 1.0),
    ],
)
def test_input_strength_by_hand(keys: str, strength: float) -> None:
    """The assumed standard deviation of pixels is a quarter of their range."""
    graph = netspec.loads(f"[i] input 3x4x4 {keys}\n[f] fc outputs=4\n").graph
    assert strengths(graph)["i"] == pytest.approx(strength, rel=1e-12)


def test_too_large_scores_are_reported_at_their_layer() -> None:
    """Pixels have a mean of 255 / 2 and a deviation of 255 / 4: a root mean square of 142.5. ``he`` multiplies by
    sqrt(2): 201.6 after the first layer. Its ReLU divides by sqrt(2), so it is 201.6 after the second layer too."""
    text = "[i] input 3x8x8 {}\n[a] fc outputs=64 neuron=relu\n[b] fc outputs=10\n[p] softmax\n"
    (warning,) = netspec.loads(text.format("range=255")).warnings
    assert (warning.code, warning.layer) == ("signal-explodes", "b")
    assert "b's are about 202" in warning.message and "pixels of about 143" in warning.notes[1]
    assert netspec.loads(text.format("range=1")).warnings == ()
    assert netspec.loads(text.format("range=255").replace("[p]", "[n] batchnorm\n[p]")).warnings == ()


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ("[n] lrn size=5 alpha=1 beta=-400\n[f] fc outputs=3\n", "f"),
        ("[n] fc outputs=3 bias=3.4e38 neuron=linear\n[m] fc outputs=3\n", "n"),
        ("[n] maxpool kernel=1 neuron=linear(3.4e38)\n[m] fc outputs=3\n", "m"),
        ("".join(f"[n{i}] fc outputs=3 neuron=square\n" for i in range(12)), "n1"),
        ("".join(f"[n{i}] square\n" for i in range(12)) + "[f] fc outputs=3 init=constant(0)\n", "f"),
    ],
)
def test_signal_too_large_for_a_float_is_reported_once(layers: str, named: str) -> None:
    net = netspec.loads(f"[i] input 3x8x8 range=255\n{layers}")
    assert [(w.code, w.layer) for w in net.warnings] == [("signal-explodes", named)]
    assert all(root >= 0 for root in strengths(net.graph).values())


def test_signal_too_small_for_a_float_is_zero() -> None:
    net = netspec.loads("[i] input 3x8x8\n[n] lrn size=5 alpha=1 beta=400\n[f] fc outputs=3\n")
    assert strengths(net.graph)["f"] == 0
    assert [w.code for w in net.warnings] == ["signal-vanishes"]


def test_strided_window_may_skip_as_many_pixels_at_the_end() -> None:
    shortcut = "[i] input 3x{0}x{0}\n[c] conv filters=4 kernel=1 stride=3 rounding=down\n"
    # pixels 0, 3 ... 30; 31 and 32 are skipped like any two between
    assert netspec.loads(shortcut.format(33)).warnings == ()
    dilated = "[i] input 3x10x9\n[c] conv filters=4 kernel=2 dilation=2 stride=4 rounding=down\n"
    # columns 0 and 2, 4 and 6: 3 is skipped inside, 7 and 8 are left at the end
    (warning,) = netspec.loads(dilated).warnings
    assert warning.notes == ("(9 + 0 + 0 - 3) / 4 + 1 = 2.5: the last 2 of 9 columns are never read",)


def test_allow_must_start_a_comment() -> None:
    wrong = "[i] input 3x32x32\n[c] conv filters=4 kernel=4 stride=3 rounding=down"
    assert netspec.loads(f"{wrong} # ## allow: unread-pixels").warnings == ()
    assert len(netspec.loads(f"{wrong} # disallow: unread-pixels").warnings) == 1
    start = time.process_time()
    assert len(netspec.loads(f"{wrong} {'#' * 300_000}").warnings) == 1
    assert time.process_time() - start < 5


@pytest.mark.ci  # seconds
def test_long_chain_takes_little_time() -> None:
    chain = "".join(f"[n{i}] lrn size=5 scale=1e-4\n" for i in range(12_000))
    start = time.process_time()
    warnings = netspec.loads(f"[i] input 8x8x8\n[c] conv filters=8 kernel=3 groups=2\n{chain}").warnings
    assert time.process_time() - start < 8
    assert {w.code for w in warnings} == {"lrn-across-groups"}
    assert len(warnings) == 12_000


@pytest.mark.parametrize(
    ("settings", "groups", "reads", "count", "maps"),
    [("", " groups=4", "", 4, "maps 2 and 3"), ("gpus 2\n", "", " reads=all", 2, "maps 5 and 6")],
)
def test_maps_on_both_sides_of_a_border_between_groups_are_named(
    settings: str, groups: str, reads: str, count: int, maps: str
) -> None:
    text = f"{settings}[i] input 8x8x8\n[c] conv filters=12 kernel=3{groups}\n[n] lrn size=5 scale=1e-4{reads}\n"
    (warning,) = netspec.loads(text).warnings
    assert warning.message == f"n's window crosses the {count} groups of c"
    assert warning.notes[0].startswith(f"{maps} are neighbours only by their numbers")


def test_dropout_that_a_layer_reads_too_is_no_trap() -> None:
    text = "[i] input 8\n[a] fc outputs=4\n[d] dropout\n[s] crossentropy loss_weight=0.3\n[g] fc outputs=4 inputs=d\n"
    assert netspec.loads(text + "[t] crossentropy\n").warnings == ()


def test_layers_with_several_inputs_end_the_search_for_groups() -> None:
    text = (
        "[i] input 8x8x8\n[a] conv filters=8 kernel=3 groups=2\n[b] conv filters=8 kernel=3 inputs=i\n"
        "[s] sum inputs=a,b\n[n] lrn size=5 scale=1e-4\n"
    )
    assert netspec.loads(text).warnings == ()


@pytest.mark.parametrize("layer", ["shuffle groups=2", "slice channels=4"])
def test_layers_that_move_channels_end_the_search_for_groups(layer: str) -> None:
    text = f"[i] input 8x8x8\n[a] conv filters=8 kernel=3 groups=2\n[m] {layer}\n[n] lrn size=3 scale=1e-4\n"
    assert netspec.loads(text).warnings == ()


@pytest.mark.parametrize("word", ["silu", "mish", "gelu", "hardswish", "logistic", "hardsigmoid"])
@pytest.mark.parametrize("scale", [0.05, 0.25, 1.0, 4.0])
def test_estimated_strengths_of_smooth_neurons_are_close(word: str, scale: float) -> None:
    """Of normal numbers; a batch normalisation has a strength of 1."""
    import numpy as np

    from netspec.backend import load

    spec = f"[i] input 9999\n[b] batchnorm affine=no\n[s] linear a={scale}\n[n] {word}\n"
    graph = netspec.loads(spec).graph
    numbers = np.random.default_rng(0).normal(size=(1, 9999))
    statistics = {"b.running_mean": np.zeros(9999), "b.running_var": np.ones(9999)}
    values = load("reference").run(graph, {}, numbers, statistics=statistics).values["n"]
    assert strengths(graph)["n"] == pytest.approx(float(np.sqrt(np.mean(values**2))), rel=0.12)


@pytest.mark.parametrize(
    ("layer", "message", "note"),
    [
        ("layernorm groups=4", "its biases", "layernorm of 4x2x2 in 4 groups: each number is the mean of one number"),
        ("layernorm groups=4 affine=no", "0", "layernorm of 4x2x2 in 4 groups: each number is the mean of one number"),
    ],
)
def test_layernorm_of_single_channels_is_warned_of(layer: str, message: str, note: str) -> None:
    (found,) = netspec.loads(f"[i] input 4x2x2\n[n] {layer}\n").warnings
    assert (found.code, found.span.text) == ("no-effect", "groups=4")
    assert found.message == f"n gives {message}, whatever it reads: it normalises each number by itself"
    assert found.notes[0].startswith(note)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[i] input 1x2x2\n[n] layernorm\n", ["layernorm"]),
        ("[i] input 32x1x1\n[n] groupnorm\n", ["groupnorm"]),
        ("gpus 2\n[i] input 3x2x2\n[c] conv filters=2 kernel=1\n[n] layernorm\n", ["layernorm"]),
        ("[i] input 32x1x2\n[n] groupnorm\n[m] layernorm\n", []),
    ],
)
def test_normalisation_of_single_numbers_is_found_by_their_count(text: str, where: list[str]) -> None:
    assert [w.span.text for w in netspec.loads(text).warnings if w.code == "no-effect"] == where


@pytest.mark.parametrize("layer", ["layernorm", "groupnorm groups=2"])
def test_normalised_values_have_a_strength_of_1(layer: str) -> None:
    graph = netspec.loads(f"[i] input 4x2x2\n[x] linear a=1e-3\n[n] {layer}\n").graph
    assert (strengths(graph)["x"] < 1, strengths(graph)["n"]) == (True, 1)


def test_product_has_the_product_of_the_strengths() -> None:
    graph = netspec.loads(
        "[i] input 8\n[b] batchnorm\n[x] linear a=3\n[y] linear a=0.5 inputs=b\n[p] product inputs=x,y\n"
    )
    assert strengths(graph.graph)["p"] == pytest.approx(1.5)


def test_estimated_strengths_are_close_to_computed_ones() -> None:
    """AlexNet's topology at an eighth of its width, on random images with the assumed standard deviation."""
    import numpy as np

    from netspec.backend import load

    graph = netspec.load(SPECS / "alexnet-tiny.net").graph
    random = np.random.default_rng(0)
    weights = {
        key: random.normal(p.distribution.mean, p.distribution.std, p.shape)
        if hasattr(p.distribution, "std")
        else np.full(p.shape, p.distribution.value)
        for key, p in graph.parameters.items()
    }
    images = 0.25 * random.normal(size=(1, 3, 224, 224))
    values = load("reference").run(graph, weights, images).values
    for name in ("conv1:conv", "conv2:conv", "conv3:conv", "fc6:linear", "fc8"):
        measured = float(np.sqrt(np.mean(values[name] ** 2)))
        assert 1 / 8 < measured / strengths(graph)[name] < 8, name


def test_unread_dropout_gives_one_warning() -> None:
    text = "[i] input 8\n[a] fc outputs=4\n[d] dropout rate=0.5\n[b] fc outputs=4 inputs=a\n"
    assert [w.code for w in netspec.loads(text).warnings] == ["unread-layer"]
    assert [w.code for w in netspec.loads("[i] input 8\n[a] fc outputs=4\n[d] dropout rate=0.5\n").warnings] == [
        "dropout-on-scores"
    ]


@pytest.mark.parametrize(
    ("numbers", "fixed"),
    [
        ("mean=103.9", ["range=255 mean=103.9"]),
        ("range=1 mean=1.2,0.4,0.4", ["range=255 mean=1.2,0.4,0.4"]),
        ("mean=0.48,0.46,0.41 std=0.2 range=255", ["mean=0.48,0.46,0.41 std=0.2 range=1"]),
        ("mean=300", []),
        ("mean=1,0.5,0", None),
        ("mean=0 range=255", None),
        ("mean=-1", None),
        ("mean=image range=255", None),
    ],
)
def test_a_mean_of_another_range_suggests_that_range(numbers: str, fixed: list[str] | None) -> None:
    """``fixed``: the input's numbers with each fix applied; ``None`` if there is no such warning."""
    text = "[i] input 3x8x8 {}\n[f] fc outputs=4 init=gaussian(1e-2)\n"
    found = [w for w in netspec.loads(text.format(numbers)).warnings if w.code == "mean-out-of-range"]
    assert len(found) == (fixed is not None)
    fixes = [fix for warning in found for fix in warning.fixes]
    assert [apply(fix.edits, text.format(numbers)) for fix in fixes] == [text.format(right) for right in fixed or []]


def test_batchnorm_momentum_suggests_the_equivalent_average() -> None:
    """In each step, PyTorch's momentum=0.1 replaces a tenth of the running average, and Keras's 0.99 a hundredth."""
    text = "[i] input 8x8x8\n[a] batchnorm momentum={}\n"
    for momentum, average in ((0.1, "0.1"), (0.99, "0.01")):
        (found,) = netspec.loads(text.format(momentum)).warnings
        assert [(fix.title, fix.checks) for fix in found.fixes] == [(f"write average={average}", True)]
    text = "default batchnorm momentum=0.9\n[i] input 8x8x8\n[a] batchnorm\n[b] batchnorm\n"
    (found,) = netspec.loads(text).warnings
    assert (found.code, found.span.line) == ("batchnorm-momentum", 3) and not found.fixes
