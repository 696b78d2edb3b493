"""Which changes change the function, confirmed by running the reference backend."""

from __future__ import annotations

import pytest
from comparing_nets import all_facts, diff, difference_lines, same_outputs

from netspec.diff.text import summary
from netspec.net import loads

INPUT = "[image] input 2x9x9\n"
CONV = INPUT + "[conv1] conv filters=4 kernel=3 init=gaussian(0.1)"
END = "[fc2] fc outputs=4\n"
POOL = "[pool1] maxpool kernel=3 stride=2"

SAME_FUNCTION = {
    "ReLU after max pooling": (f"{CONV} neuron=relu\n{POOL}\n{END}", f"{CONV}\n{POOL} neuron=relu\n{END}"),
    "tanh after max pooling": (f"{CONV} neuron=tanh\n{POOL}\n{END}", f"{CONV}\n{POOL} neuron=tanh\n{END}"),
    "leakyrelu and elu after max pooling": (
        f"{CONV} neuron=leakyrelu(0.3)\n[e] elu\n{POOL}\n{END}",
        f"{CONV}\n{POOL} neuron=leakyrelu(0.3)\n[e] elu\n{END}",
    ),
    "a connection table of everything": (
        f"{INPUT}[a] conv filters=2 kernel=3 table=0+1,1+0\n{END}",
        f"{INPUT}[a] conv filters=2 kernel=3\n{END}",
    ),
    "logistic after two poolings": (
        f"{CONV} neuron=logistic\n{POOL}\n[pool2] maxpool kernel=2 stride=1\n{END}",
        f"{CONV}\n{POOL}\n[pool2] maxpool kernel=2 stride=1 neuron=logistic\n{END}",
    ),
    "tanh falling twice": (f"{CONV} neuron=tanh(-1, -2)\n{POOL}\n{END}", f"{CONV}\n{POOL} neuron=tanh(-1, -2)\n{END}"),
    "ReLU as a layer": (f"{CONV} neuron=relu\n{POOL}\n{END}", f"{CONV}\n[r] relu\n{POOL}\n{END}"),
    "ReLU as a layer after pooling": (f"{CONV} neuron=relu\n{POOL}\n{END}", f"{CONV}\n{POOL}\n[r] relu\n{END}"),
    "ReLU twice": (f"{CONV} neuron=relu\n{POOL}\n{END}", f"{CONV} neuron=relu\n{POOL} neuron=relu\n{END}"),
    "a concatenation of concatenations": (
        f"{CONV}\n[a] conv filters=2 kernel=1\n[ab] concat inputs=conv1,a\n[abc] concat inputs=ab,conv1\n{END}",
        f"{CONV}\n[a] conv filters=2 kernel=1\n[abc] concat inputs=conv1,a,conv1\n{END}",
    ),
    "another reader of a concatenation that one joins": (
        f"{CONV}\n[a] conv filters=2 kernel=1\n[ab] concat inputs=conv1,a\n[abc] concat inputs=ab,conv1\n{END}",
        f"{CONV}\n[a] conv filters=2 kernel=1\n[ab] concat inputs=conv1,a\n[side] lrn size=3 alpha=0.1 beta=0.75\n"
        f"[abc] concat inputs=ab,conv1\n{END}",
    ),
    "a pooling of single pixels": (f"{CONV}\n[p] avgpool kernel=1\n[m] maxpool kernel=1\n{END}", f"{CONV}\n{END}"),
    "flatten before a product": (f"{CONV} neuron=relu\n{END}", f"{CONV}\n[flat] flatten neuron=relu\n{END}"),
    "the identity as a layer": (f"{CONV}\n{END}", f"{CONV}\n[id] linear\n{END}"),
    "dropout that divides in training": (f"{CONV}\n{END}", f"{CONV}\n[drop] dropout rate=0.3\n{END}"),
    "dropout's rate": (f"{CONV}\n[d] dropout rate=0.1\n{END}", f"{CONV}\n[d] dropout rate=0.3\n{END}"),
    "dropout's place": (f"{CONV}\n[d] dropout\n{POOL}\n{END}", f"{CONV}\n{POOL}\n[d] dropout\n{END}"),
    "dropout that never drops": (f"{CONV}\n{END}", f"{CONV}\n[d] dropout rate=0 scaling=test\n{END}"),
    "padding written out": (
        f"{INPUT}[conv1] conv filters=4 kernel=4 stride=3 rounding=up\n{END}",
        f"{INPUT}[conv1] conv filters=4 kernel=4 stride=3 pad=0,1,0,1\n{END}",
    ),
    "a stride over one position": (
        f"{INPUT}[pool] avgpool kernel=9 stride=1\n{END}",
        f"{INPUT}[pool] avgpool kernel=global\n{END}",
    ),
    "a sum in another order": (
        f"{CONV}\n[a] relu\n[b] tanh inputs=conv1\n[s] sum inputs=a,b\n{END}",
        f"{CONV}\n[a] relu\n[b] tanh inputs=conv1\n[s] sum inputs=b,a\n{END}",
    ),
    "a product in another order": (
        f"{CONV}\n[a] relu\n[b] tanh inputs=conv1\n[s] product inputs=a,b\n{END}",
        f"{CONV}\n[a] relu\n[b] tanh inputs=conv1\n[s] product inputs=b,a\n{END}",
    ),
    "silu as a product": (
        f"{CONV} neuron=relu\n[g] logistic\n[p] product inputs=conv1,g neuron=tanh\n{END}",
        f"{CONV} neuron=relu\n[p] silu\n[t] tanh\n{END}",
    ),
    "hardswish as a product": (
        f"{CONV}\n[g] hardsigmoid\n[p] product inputs=g,conv1\n{END}",
        f"{CONV} neuron=hardswish\n{END}",
    ),
    "branches in another order": (
        f"{INPUT}[a] avgpool kernel=3\n[b] maxpool kernel=3 inputs=image\n[s] concat inputs=a,b\n{END}",
        f"{INPUT}[b] maxpool kernel=3\n[a] avgpool kernel=3 inputs=image\n[s] concat inputs=a,b\n{END}",
    ),
    "other names": (f"{CONV}\n{POOL}\n{END}", f"{CONV}\n{POOL}\n{END}".replace("pool1", "p").replace("conv1", "c")),
    "a layer that nothing reads": (
        f"{CONV}\n{END}",
        f"{CONV}\n[extra] avgpool kernel=3 stride=2\n{END.strip()} inputs=conv1\n",
    ),
    "GPU groups as groups": (
        f"gpus 2\n{CONV}\n[conv2] conv filters=4 kernel=3\n{END.strip()} reads=all\n",
        f"{CONV}\n[conv2] conv filters=4 kernel=3 groups=2\n{END}",
    ),
    "the same alpha in two conventions": (
        f"{CONV}\n[n] lrn size=5 alpha=1e-4\n{END}",
        f"{CONV}\n[n] lrn size=5 scale=5e-4\n{END}",
    ),
    "batch normalisation's running average": (
        f"{CONV}\n[n] batchnorm\n{END}",
        f"{CONV}\n[n] batchnorm average=0.5\n{END}",
    ),
    "a convolution over all of its input as a product": (
        f"{INPUT}[c] conv filters=4 kernel=9\n[n] lrn size=3 alpha=1\n[d] conv filters=4 kernel=1 stride=2\n{END}",
        f"{INPUT}[c] conv filters=4 kernel=9\n[n] lrn size=3 alpha=1\n[f] flatten\n[d] fc outputs=4\n{END}",
    ),
    "a convolution over all of its input in groups": (
        f"{CONV}\n[c] conv filters=4 kernel=7 groups=2\n{END}",
        f"gpus 2\n{CONV}\n[c] fc outputs=4\n{END.strip()} reads=all\n",
    ),
    "squeeze and excitation with maps of one pixel": (
        f"{CONV}\n[s] avgpool kernel=global\n[d] conv filters=2 kernel=1 neuron=relu\n"
        f"[e] conv filters=4 kernel=1 neuron=logistic\n[p] product inputs=conv1,e\n{END}",
        f"{CONV}\n[s] avgpool kernel=global\n[f] flatten\n[d] fc outputs=2 neuron=relu\n"
        f"[e] fc outputs=4 neuron=logistic\n[r] reshape size=4x1x1\n[p] product inputs=conv1,r\n{END}",
    ),
    "layer normalisation of one position as group normalisation": (
        f"{CONV}\n[m] avgpool kernel=global\n[n] layernorm groups=2\n{END}",
        f"{CONV}\n[m] avgpool kernel=global\n[n] groupnorm groups=2\n{END}",
    ),
    "normalisation within GPU groups as in groups": (
        f"gpus 2\n{CONV}\n[n] layernorm\n[m] groupnorm groups=1\n{END.strip()} reads=all\n",
        f"{CONV}\n[n] layernorm groups=2\n[m] groupnorm groups=2\n{END}",
    ),
    "dropout of whole maps": (f"{CONV}\n[d] dropout\n{END}", f"{CONV}\n[d] dropout over=channels\n{END}"),
    "a loss after the scores": (f"{CONV}\n{END}", f"{CONV}\n{END}[loss] crossentropy\n"),
}

OTHER_FUNCTION = {
    "ReLU after average pooling": (
        f"{CONV} neuron=relu\n[pool1] avgpool kernel=3 stride=2\n{END}",
        f"{CONV}\n[pool1] avgpool kernel=3 stride=2 neuron=relu\n{END}",
    ),
    "ReLU after normalisation": (
        f"{CONV} neuron=relu\n[n] lrn size=3 alpha=0.1\n{END}",
        f"{CONV}\n[n] lrn size=3 alpha=0.1 neuron=relu\n{END}",
    ),
    "a falling tanh after max pooling": (
        f"{CONV} neuron=tanh(-1)\n{POOL}\n{END}",
        f"{CONV}\n{POOL} neuron=tanh(-1)\n{END}",
    ),
    "abs after max pooling": (f"{CONV} neuron=abs\n{POOL}\n{END}", f"{CONV}\n{POOL} neuron=abs\n{END}"),
    "silu, which falls below -1.28, after max pooling": (
        f"{CONV} neuron=linear(1, -3)\n[s] silu\n{POOL}\n{END}",
        f"{CONV} neuron=linear(1, -3)\n{POOL}\n[s] silu\n{END}",
    ),
    "a product with the logistic function of another value": (
        f"{CONV}\n[t] tanh\n[g] logistic\n[p] product inputs=conv1,g\n{END}",
        f"{CONV} neuron=silu\n{END}",
    ),
    "another neuron": (f"{CONV} neuron=relu\n{END}", f"{CONV} neuron=tanh\n{END}"),
    "a neuron before an inserted norm": (
        f"{CONV} neuron=relu\n{POOL}\n{END}",
        f"{CONV}\n[n] lrn size=3 alpha=0.1\n{POOL} neuron=relu\n{END}",
    ),
    "dropout that multiplies in tests": (f"{CONV}\n{END}", f"{CONV}\n[d] dropout rate=0.3 scaling=test\n{END}"),
    "dropout's rate, multiplied in tests": (
        f"{CONV}\n[d] dropout rate=0.1 scaling=test\n{END}",
        f"{CONV}\n[d] dropout rate=0.3 scaling=test\n{END}",
    ),
    "a factor": (f"{CONV}\n[f] linear a=2\n{END}", f"{CONV}\n[f] linear a=3\n{END}"),
    "padding on the other side": (
        f"{INPUT}[conv1] conv filters=4 kernel=4 stride=3 pad=1,0,1,0\n{END}",
        f"{INPUT}[conv1] conv filters=4 kernel=4 stride=3 pad=0,1,0,1\n{END}",
    ),
    "channels in another order": (
        f"{INPUT}[a] avgpool kernel=3\n[b] maxpool kernel=3 inputs=image\n[s] concat inputs=a,b\n{END}",
        f"{INPUT}[a] avgpool kernel=3\n[b] maxpool kernel=3 inputs=image\n[s] concat inputs=b,a\n{END}",
    ),
    "a neuron between two concatenations": (
        f"{CONV}\n[a] tanh\n[j] concat inputs=conv1,a\n[r] relu\n[k] concat inputs=r,a\n{END}",
        f"{CONV}\n[a] tanh\n[k] concat inputs=conv1,a,a\n{END}",
    ),
    "pooling and normalisation exchanged": (
        f"{CONV}\n[n] lrn size=3 alpha=0.1\n{POOL}\n{END}",
        f"{CONV}\n{POOL}\n[n] lrn size=3 alpha=0.1\n{END}",
    ),
    "layer normalisation as group normalisation": (
        f"{CONV}\n[n] layernorm\n{END}",
        f"{CONV}\n[n] groupnorm groups=1\n{END}",
    ),
    "layer normalisation in more groups": (f"{CONV}\n[n] layernorm\n{END}", f"{CONV}\n[n] layernorm groups=2\n{END}"),
    "the number of normalised groups": (
        f"{CONV}\n[n] groupnorm groups=1\n{END}",
        f"{CONV}\n[n] groupnorm groups=4\n{END}",
    ),
    "the number added to a variance": (f"{CONV}\n[n] layernorm eps=1\n{END}", f"{CONV}\n[n] layernorm eps=2\n{END}"),
    "normalisation across GPU groups": (
        f"gpus 2\n{CONV}\n[n] lrn size=3 alpha=0.1\n{END.strip()} reads=all\n",
        f"gpus 2\n{CONV}\n[n] lrn size=3 alpha=0.1 reads=all\n{END.strip()} reads=all\n",
    ),
    "normalisation on one GPU group": (
        f"gpus 2\n{CONV}\n[n] lrn size=3 alpha=0.1\n{END.strip()} reads=all\n",
        f"gpus 2\n{CONV} gpu=0\n[n] lrn size=3 alpha=0.1\n{END.strip()} reads=all gpu=all\n",
    ),
    "a product with a connection table": (
        f"{INPUT}[c] conv filters=4 kernel=9 table=0,1,0,1\n{END}",
        f"{INPUT}[c] fc outputs=4\n{END}",
    ),
    "a product with a kernel that reads padding": (
        f"{INPUT}[c] conv filters=4 kernel=9 pad=1 stride=3 rounding=down\n{END}",
        f"{INPUT}[c] fc outputs=4\n{END}",
    ),
    "channels as pixels": (
        f"{INPUT}[c] conv filters=4 kernel=9\n[r] reshape size=1x2x2\n[n] lrn size=3 alpha=1\n{END}",
        f"{INPUT}[c] conv filters=4 kernel=9\n[n] lrn size=3 alpha=1\n{END}",
    ),
    "another connection table": (
        f"{INPUT}[a] conv filters=2 kernel=3 table=0+1,1\n{END}",
        f"{INPUT}[a] conv filters=2 kernel=3 table=0+1,0\n{END}",
    ),
    "an added connection table": (
        f"{INPUT}[a] conv filters=2 kernel=3\n{END}",
        f"{INPUT}[a] conv filters=2 kernel=3 table=0+1,1\n{END}",
    ),
    "another type with the same name": (
        f"{CONV}\n[pool1] maxpool kernel=3 stride=2\n{END}",
        f"{CONV}\n[pool1] avgpool kernel=3 stride=2\n{END}",
    ),
}


@pytest.mark.parametrize("name", SAME_FUNCTION)
def test_same_function_is_recognised(name: str) -> None:
    a, b = SAME_FUNCTION[name]
    comparison = diff(a, b)
    assert comparison.function == "same"
    assert {d.effect for d in comparison.each()} <= {"training", "testing", "placement", "nothing"}
    assert same_outputs(loads(a).graph, loads(b).graph)


@pytest.mark.parametrize("name", OTHER_FUNCTION)
def test_other_function_is_recognised(name: str) -> None:
    a, b = OTHER_FUNCTION[name]
    comparison = diff(a, b)
    assert comparison.function == "other"
    assert "function" in {d.effect for d in comparison.each()}
    assert not same_outputs(loads(a).graph, loads(b).graph)


@pytest.mark.many
@pytest.mark.parametrize("name", [*SAME_FUNCTION, *OTHER_FUNCTION])
def test_comparison_is_symmetric(name: str) -> None:
    a, b = {**SAME_FUNCTION, **OTHER_FUNCTION}[name]
    forward, backward = diff(a, b), diff(b, a)
    assert all_facts(forward, mirrored=True) == all_facts(backward)
    assert forward.function == backward.function


def test_final_softmax_changes_the_output_but_not_the_scores() -> None:
    comparison = diff(f"{CONV}\n{END}[prob] softmax\n", f"{CONV}\n{END}")
    assert comparison.function == "scores"
    assert difference_lines(comparison) == ["prob removed: softmax, after fc2 -> , output"]


def test_what_says_which_value_the_scores_are_changes_the_function() -> None:
    layers = f"{CONV}\n[a] fc outputs=4\n[b] fc outputs=4 inputs=conv1\n"
    reading = diff(f"{layers}[p] softmax inputs=a", f"{layers}[p] softmax inputs=b")
    assert difference_lines(reading) == ["p inputs: a -> b, function"]
    added = diff(layers, f"{layers}[l] crossentropy inputs=a")
    assert [(d.kind, d.effect) for d in added.each()] == [("added", "function")]
    assert [d.effect for d in diff(layers, f"{layers}[l] crossentropy").each()] == ["training"]


def test_softrelu_does_not_commute_with_max_pooling() -> None:
    comparison = diff(f"{CONV} neuron=softrelu\n{POOL}\n{END}", f"{CONV}\n{POOL} neuron=softrelu\n{END}")
    assert comparison.function == "other"


def test_neuron_moved_across_dropout_changes_training() -> None:
    before = f"{CONV} neuron=tanh(2)\n[d] dropout\n{POOL}\n{END}"
    after = f"{CONV}\n[d] dropout neuron=tanh(2)\n{POOL}\n{END}"
    comparison = diff(before, after)
    assert comparison.function == "same"
    assert difference_lines(comparison) == [
        "conv1 neuron: tanh(2, 1) -> linear, training",
        "d neuron: linear -> tanh(2, 1), training",
    ]


@pytest.mark.parametrize("layer", ["crop size=7", "zeropad pad=0", "concat", "dropout rate=0", "linear"])
def test_layer_without_effect_is_reported_as_such(layer: str) -> None:
    """It does not change training either, and a neuron can move across it."""
    assert {d.effect for d in diff(f"{CONV}\n{END}", f"{CONV}\n[k] {layer}\n{END}").each()} == {"nothing"}
    comparison = diff(f"{CONV} neuron=relu\n{POOL}\n{END}", f"{CONV}\n[k] {layer}\n{POOL} neuron=relu\n{END}")
    assert {d.effect for d in comparison.each()} == {"nothing"}


def test_dropout_next_to_a_changed_function_changes_training() -> None:
    comparison = diff(f"{CONV}\n{END}", f"{CONV} neuron=relu\n[d] dropout\n{END}")
    assert difference_lines(comparison) == [
        "conv1 neuron: linear -> relu, function",
        "d added:  -> dropout rate=0.5 scaling=train, after conv1, training",
    ]


def test_only_the_responsible_change_is_marked_as_function() -> None:
    """conv1's ReLU moves over a pooling, conv2's over a normalisation."""
    text = "{}{}\n{}\n{}\n[conv2] conv filters=4 kernel=2{}\n[n] lrn size=3 alpha=1{}\n{}"
    relu = " neuron=relu"
    a = text.format(CONV, relu, POOL, "[d] dropout", relu, "", END)
    b = text.format(CONV, "", f"{POOL}{relu}", "[d] dropout", "", relu, END)
    assert difference_lines(diff(a, b)) == [
        "conv1 neuron: relu -> linear, nothing",
        "pool1 neuron: linear -> relu, nothing",
        "conv2 neuron: relu -> linear, function",
        "n neuron: linear -> relu, function",
    ]
    assert [(o.a, o.b, o.effect, o.note) for o in diff(a, b).orders] == [
        (("conv1", "relu", "pool1"), ("conv1", "pool1", "relu"), "nothing", "max pooling commutes with relu"),
        (("conv2", "relu", "n"), ("conv2", "n", "relu"), "function", ""),
    ]


def test_shared_weights_change_the_function() -> None:
    two = "[image] input 8\n[a] fc outputs=8\n[b] fc outputs=8{}\n"
    comparison = diff(two.format(""), two.format(" weights=a"))
    assert difference_lines(comparison) == ["b weights: its own -> a, function"]
    assert comparison.misfits == (("b", "b"),)
    three = "[image] input 8\n[a] fc outputs=8\n[b] fc outputs=8\n[c] fc outputs=8 weights={}\n"
    assert difference_lines(diff(three.format("a"), three.format("b"))) == ["c weights: a -> b, function"]


def test_weights_of_another_connection_table_do_not_fit() -> None:
    spec = f"{INPUT}[c] conv filters=2 kernel=3 table={{}}\n{END}".format
    comparison = diff(spec("0,0+1"), spec("1,0+1"))
    assert comparison.misfits == (("c", "c"),)
    assert "weights: of other shapes or tables in c" in summary(comparison)
    assert diff(spec("0+1,0+1"), spec("none")).misfits == ()


def test_moving_a_layer_to_one_gpu_changes_the_groups_after_it() -> None:
    a, b = OTHER_FUNCTION["normalisation on one GPU group"]
    assert difference_lines(diff(a, b)) == ["conv1 gpu: all -> 0, function"]


def test_gpu_of_a_layer_is_placement() -> None:
    text = "gpus 2\n[image] input 8\n[a] fc outputs=8 gpu={}\n[prob] softmax\n"
    assert difference_lines(diff(text.format(0), text.format(1))) == ["a gpu: 0 -> 1, placement"]
    text = "gpus 2\n[image] input 8\n[a] fc outputs=8 gpu=0\n[b] relu gpu={}\n[prob] softmax\n"
    assert difference_lines(diff(text.format(0), text.format(1))) == ["b gpu: 0 -> 1, placement"]


def test_what_dropout_drops_together_changes_training() -> None:
    before = f"{CONV}\n[d] dropout\n{END}"
    for over in ("channels", "images"):
        comparison = diff(before, f"{CONV}\n[d] dropout over={over}\n{END}")
        assert difference_lines(comparison) == [f"d over: units -> {over}, training"]
        assert "training: over" in summary(comparison)
    vector = "[image] input 8\n[d] dropout{}\n[fc] fc outputs=2\n"
    assert difference_lines(diff(vector.format(""), vector.format(" over=channels"))) == [
        "d over: units -> channels, nothing"
    ]


def test_number_of_normalised_groups_is_always_described() -> None:
    comparison = diff(f"{CONV}\n[n] batchnorm\n{END}", f"{CONV}\n[n] groupnorm groups=1\n{END}")
    assert difference_lines(comparison) == [
        "n replaced: batchnorm eps=1e-05 affine=yes -> groupnorm eps=1e-05 groups=1 affine=yes, function"
    ]
