"""Costs over labels: a spec only has the number of an image's class, but layer files may have any numbers."""

from __future__ import annotations

from layerfiles import DATA, RATES, conv, diagnose, load, net

from netspec.ir.ops import BinaryCrossEntropy, CrossEntropy, SquaredError

OTHER = "[other]\ntype=data\ndataIdx={}\n"


def fc(name: str, outputs: int, more: str = "") -> str:
    return f"[{name}]\ntype=fc\ninputs=data\noutputs={outputs}\ninitW=0.1\ngpu=0\n{more}"


def squared_error(outputs: int, labels: str = "other", name: str = "h") -> str:
    """A layer, its difference from labels, and a cost on the squared difference."""
    return (
        f"{fc(name, outputs)}[{name}d]\ntype=eltsum\ninputs={name},{labels}\ncoeffs=1,-1\n"
        f"[{name}c]\ntype=cost.sum2\ninputs={name}d\n"
    )


def two_tasks(first: int, second: int) -> str:
    """Two cost.logreg layers, each with its own matrix of labels."""
    return (
        f"{DATA.replace('dataIdx=1', f'dataIdx={first}')}{OTHER.format(second)}{fc('f', 10)}"
        "[p]\ntype=softmax\ninputs=f\n[k]\ntype=cost.logreg\ninputs=other,p\ngpu=0\n"
        f"{net(fc('g', 7), 'g').partition(DATA)[2]}"
    )


def test_cost_on_second_labels_is_left_out() -> None:
    network = load(two_tasks(1, 2))
    assert [(loss.op, loss.inputs) for loss in network.graph.losses] == [(CrossEntropy(), ("out",))]
    (warning,) = [d for d in network.warnings if d.code.startswith("cfg-")]
    assert (warning.code, warning.span.text) == ("cfg-left-out", "other,p")
    assert warning.message == (
        "k: its labels (dataIdx=2) differ from those of logprob; the network is trained without this cost"
    )
    assert warning.notes == ("the numbers of the classes are dataIdx=1; a spec has no other data",)


def test_classes_are_data_1_or_those_of_the_first_cost() -> None:
    for first, second, kept in ((1, 2, "out"), (2, 1, "f"), (2, 3, "f")):
        (loss,) = load(two_tasks(first, second)).graph.losses
        assert loss.inputs == (kept,)


def test_two_costs_may_read_the_same_labels() -> None:
    network = load(two_tasks(1, 2).replace("inputs=other,p", "inputs=labels,p").replace(OTHER.format(2), ""))
    assert [loss.inputs for loss in network.graph.losses] == [("f",), ("out",)]
    assert [d for d in network.warnings if d.code.startswith("cfg-")] == []


def test_as_many_labels_as_classes_are_read_as_one_hot() -> None:
    network = load(net(OTHER.format(2) + squared_error(10), "h"))
    assert [loss.op for loss in network.graph.losses] == [SquaredError(), CrossEntropy()]
    (warning,) = network.warnings
    assert (warning.code, warning.message) == (
        "cfg-substitute",
        "hc: its labels are 10 numbers per image, which are not in the file; "
        "1 for its class and 0 for the others are used instead",
    )


def test_cost_with_another_number_of_labels_is_left_out() -> None:
    for outputs in (1, 9, 11):
        network = load(net(OTHER.format(2) + squared_error(outputs), "h"))
        assert [loss.op for loss in network.graph.losses] == [CrossEntropy()]
        (warning,) = network.warnings
        numbers = "1 number" if outputs == 1 else f"{outputs} numbers"
        assert warning.code == "cfg-left-out"
        assert warning.message.startswith(f"hc: its labels (dataIdx=2) are {numbers} per image, not its class; ")


def test_without_class_numbers_the_first_labels_replace_them() -> None:
    bce = fc("f", 5, "neuron=logistic\n") + "[c]\ntype=cost.bce\ninputs=labels,f\ngpu=0\n"
    text = DATA.replace("dataIdx=1", "dataIdx=3") + OTHER.format(2) + bce + squared_error(5)
    params = f"[f]\n{RATES}[h]\n{RATES}[hd]\ncoeffs=1,-1\n[c]\ncoeff=1\n[hc]\ncoeff=1\n"
    network = load(text, params, "v2")
    assert [loss.op for loss in network.graph.losses] == [BinaryCrossEntropy()]
    assert [d.code for d in network.warnings if d.code.startswith("cfg-")] == [
        "cfg-substitute",
        "cfg-ignored-key",
        "cfg-left-out",
    ]


def test_squared_error_against_the_image_needs_no_labels() -> None:
    text = DATA.partition("[labels]")[0] + squared_error(192, "data")
    assert [d.code for d in diagnose(text) if d.code.startswith("cfg-")] == []


def test_second_images_are_not_taken_for_classes() -> None:
    """A denoising network: the noisy images are the second data matrix."""
    text = (
        "[clean]\ntype=data\ndataIdx=0\n[noisy]\ntype=data\ndataIdx=1\n"
        + conv("c", "noisy", 3)
        + "[d]\ntype=eltsum\ninputs=c,clean\ncoeffs=1,-1\n[s]\ntype=cost.sum2\ninputs=d\n"
    )
    (warning,) = [d for d in load(text).warnings if d.code.startswith("cfg-")]
    assert warning.code == "cfg-left-out"
    assert warning.message.startswith("s: its labels (dataIdx=0) are 1,024 numbers per image, not its class; ")
    assert warning.notes == ("a spec has no data but the images and the numbers of their classes",)
