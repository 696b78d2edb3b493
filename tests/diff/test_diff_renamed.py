"""Comparisons of networks whose layers have other names, as those that other programs exported."""

from __future__ import annotations

from comparing_nets import diff, difference_lines

from netspec.diff.text import rows

CHAIN = """\
[image] input 3x16x16
[conv1] conv filters=4 kernel=3 pad=1
[pool1] maxpool kernel=2
[conv2] conv filters=4 kernel=3 pad=1
[pool2] maxpool kernel=2
[fc3] fc outputs=2
"""
RENAMED = {"conv1": "features_0", "pool1": "features_1", "conv2": "features_2", "pool2": "pool1", "fc3": "classifier"}


def renamed(text: str, names: dict[str, str]) -> str:
    for name, other in names.items():
        text = text.replace(f"[{name}]", f"[{other}]")
    return text


def test_a_pooling_of_the_same_name_elsewhere_is_another_layer() -> None:
    comparison = diff(CHAIN, renamed(CHAIN, RENAMED))
    assert comparison.function == "same"
    assert {(x.a.name, x.b.name) for x in comparison.layers if x.a and x.b} == set(RENAMED.items())


def test_a_renamed_layer_is_the_one_of_the_same_shape() -> None:
    """A branch that only one network has does not take the place of the layer that follows it in the file."""
    aux = "[aux] conv filters=8 kernel=1 inputs=pool1\n[loss] sumsquares loss_weight=0.1\n"
    rest = "[conv2] conv filters=4 kernel=1 inputs=pool1 neuron={}\n[fc3] fc outputs=2\n"
    a = CHAIN.partition("[conv2]")[0] + aux + rest.format("relu")
    b = CHAIN.partition("[conv2]")[0] + renamed(rest.format("linear"), RENAMED)
    assert [x.name for x in diff(a, b).layers if x.a and x.b] == ["conv2 = features_2", "fc3 = classifier"]


def blocks(count: int, *, norm: str = "", order: str = "{0},{1}") -> str:
    text = "[image] input 4x8x8\n[s0] conv filters=4 kernel=3 pad=1\n"
    for n in range(1, count + 1):
        added = order.format(f"s{n - 1}", f"c{n}")
        text += f"[c{n}] conv filters=4 kernel=3 pad=1\n{norm.format(n)}[s{n}] sum inputs={added}\n"
    return text + "[fc] fc outputs=2\n"


def test_many_layers_with_one_difference_are_one_row() -> None:
    other = blocks(10, order="{1},{0}").replace("[c", "[conv").replace("=c", "=conv")
    comparison = diff(blocks(10), other)
    assert len(difference_lines(comparison)) == 20
    assert rows(comparison) == (
        (
            f"{', '.join(f'c{n} = conv{n}' for n in range(1, 8))} and 3 others",
            "renamed (its weights' names and first draws change)",
            "nothing",
        ),
        (
            "s1, s2, s3, s4, s5, s6, s7 and 3 others",
            "inputs: the same values, in another order or joined in other steps",
            "nothing",
        ),
    )


def test_few_layers_with_one_difference_are_told_in_full() -> None:
    assert rows(diff(blocks(2), blocks(2, order="{1},{0}"))) == (
        ("s1", "inputs: s0,c1 -> c1,s0", "nothing"),
        ("s2", "inputs: s1,c2 -> c2,s1", "nothing"),
    )


def test_inputs_in_another_order_change_nothing_where_another_layer_reads_the_sum() -> None:
    text = "[image] input 4x8x8\n[c] conv filters=4 kernel=3 pad=1\n[s] sum inputs={}\n"
    below = "[d] conv filters=4 kernel=3 pad=1 inputs=s\n{}[t] sum inputs=d,p\n[fc] fc outputs=2\n"
    projected = text.format("c,image") + below.format("[p] conv filters=4 kernel=1 inputs=s\n")
    told = rows(diff(projected, text.format("image,c") + below.format("[p] linear a=2 inputs=s\n")))
    assert [row for row in told if row[0] == "s"] == [("s", "inputs: c,image -> image,c", "nothing")]
    assert ("p", "function") in [(layer, effect) for layer, _, effect in told]


def test_layers_added_in_many_places_are_one_row_that_names_the_first_ones() -> None:
    norm = "[bn{0}] batchnorm\n"
    with_norms = blocks(14, norm=norm).replace(",c", ",bn")
    added = rows(diff(blocks(14), with_norms))[0]
    assert added == (
        f"{', '.join(f'bn{n}' for n in range(1, 12))} and 3 others",
        "added: batchnorm eps=1e-05 affine=yes",
        "function",
    )
    assert rows(diff(blocks(1), blocks(1, norm=norm).replace(",c", ",bn")))[0] == (
        "bn1", "added: batchnorm eps=1e-05 affine=yes, after c1", "function",
    )  # fmt: skip


def test_a_matrix_product_is_a_convolution_of_one_pixel_under_another_name() -> None:
    """Squeeze and excitation (Hu et al., 2018), as some write it with matrix products and others with convolutions."""
    head = "[image] input 8x6x6\n[conv] conv filters=8 kernel=3 pad=1\n[mean] avgpool kernel=global\n"
    products = "[fc1] fc outputs=4 neuron=relu\n[fc2] fc outputs=8 neuron=logistic\n[gated] product inputs=conv,fc2\n"
    convolutions = products.replace("fc1] fc outputs=4", "a] conv filters=4 kernel=1").replace(
        "fc2] fc outputs=8", "b] conv filters=8 kernel=1"
    )
    comparison = diff(head + products, head + convolutions.replace("fc2", "b"))
    assert comparison.function == "same"
    assert [(x.name, d.kind, d.effect) for x in comparison.layers for d in x.differences] == [
        ("fc1 = a", "renamed", "nothing"),
        ("fc1 = a", "replaced", "nothing"),
        ("fc2 = b", "renamed", "nothing"),
        ("fc2 = b", "replaced", "nothing"),
    ]


def test_a_renamed_shortcut_may_stand_before_or_after_its_branch() -> None:
    """As in the files of ResNet's authors, and in torchvision's modules."""
    image, end = "[image] input 4x8x8\n[stem] conv filters=4 kernel=3 pad=1 neuron=relu\n", "[fc] fc outputs=2\n"
    short = "[{0}] conv filters=8 kernel=1 inputs=stem bias=none\n[{0}-bn] batchnorm\n"
    branch = "[{0}1] conv filters=6 kernel=3 pad=1 inputs=stem bias=none\n[{0}1-bn] batchnorm neuron=relu\n"
    branch += "[{0}2] conv filters=8 kernel=3 pad=1 bias=none\n[{0}2-bn] batchnorm\n"
    a = image + branch.format("b") + short.format("s") + "[sum] sum inputs=b2-bn,s-bn\n" + end
    b = image + short.format("p") + branch.format("q") + "[sum] sum inputs=p-bn,q2-bn\n" + end
    for comparison, names in ((diff(a, b), {"b1 = q1", "s = p"}), (diff(b, a), {"q1 = b1", "p = s"})):
        assert comparison.function == "same"
        assert names <= {layer.name for layer in comparison.layers}
        assert not [d for layer in comparison.layers for d in layer.differences if d.kind in ("added", "removed")]
