"""Costs over labels: a spec has the number of an image's class, and layer files may have any numbers."""

from __future__ import annotations

from layerfiles import DATA, RATES, conv, load, net, said

from netspec.ir.ops import BinaryCrossEntropy, CrossEntropy, SquaredError

OTHER = "[other]\ntype=data\ndataIdx={}\n"


def fc(name: str, outputs: int, more: str = "") -> str:
    return f"[{name}]\ntype=fc\ninputs=data\noutputs={outputs}\ninitW=0.1\ngpu=0\n{more}"


def squares(outputs: int, labels: str = "other", name: str = "h") -> str:
    """A layer, its difference from labels, and a cost of the squares of that."""
    return (
        f"{fc(name, outputs)}[{name}d]\ntype=eltsum\ninputs={name},{labels}\ncoeffs=1,-1\n"
        f"[{name}c]\ntype=cost.sum2\ninputs={name}d\n"
    )


def two_tasks(first: int, second: int) -> str:
    """A cost.logreg over each of two matrices of labels."""
    return (
        f"{DATA.replace('dataIdx=1', f'dataIdx={first}')}{OTHER.format(second)}{fc('f', 10)}"
        "[p]\ntype=softmax\ninputs=f\n[k]\ntype=cost.logreg\ninputs=other,p\ngpu=0\n"
        f"{net(fc('g', 7), 'g').partition(DATA)[2]}"
    )


def test_labels_of_a_second_task_are_told_and_left_out() -> None:
    found = load(two_tasks(1, 2))
    assert [(loss.op, loss.inputs) for loss in found.graph.losses] == [(CrossEntropy(), ("out",))]
    (left,) = [d for d in found.warnings if d.code.startswith("cfg-")]
    assert (left.code, left.span.text) == ("cfg-left-out", "other,p")
    assert left.message == (
        "k: its labels (dataIdx=2) are others than those of logprob; it is trained without this cost"
    )
    assert left.notes == ("the numbers of the classes are dataIdx=1; a spec has no other data",)


def test_the_classes_are_where_they_usually_are_or_else_those_of_the_first_cost() -> None:
    for first, second, kept in ((1, 2, "out"), (2, 1, "f"), (2, 3, "f")):
        (loss,) = load(two_tasks(first, second)).graph.losses
        assert loss.inputs == (kept,)


def test_one_matrix_for_two_costs_is_no_second_task() -> None:
    found = load(two_tasks(1, 2).replace("inputs=other,p", "inputs=labels,p").replace(OTHER.format(2), ""))
    assert [loss.inputs for loss in found.graph.losses] == [("f",), ("out",)]
    assert [d for d in found.warnings if d.code.startswith("cfg-")] == []


def test_several_labels_are_taken_for_the_class_where_there_are_as_many_as_classes() -> None:
    found = load(net(OTHER.format(2) + squares(10), "h"))
    assert [loss.op for loss in found.graph.losses] == [SquaredError(), CrossEntropy()]
    (told,) = found.warnings
    assert (told.code, told.message) == (
        "cfg-substitute",
        "hc: its labels are 10 numbers an image, which are not in the file; "
        "1 for its class and 0 for the others stand in for them",
    )


def test_where_there_are_more_or_fewer_the_cost_is_left_out() -> None:
    for outputs in (1, 9, 11):
        found = load(net(OTHER.format(2) + squares(outputs), "h"))
        assert [loss.op for loss in found.graph.losses] == [CrossEntropy()]
        (told,) = found.warnings
        numbers = "1 number" if outputs == 1 else f"{outputs} numbers"
        assert told.code == "cfg-left-out"
        assert told.message.startswith(f"hc: its labels (dataIdx=2) are {numbers} an image, not its class; ")


def test_without_a_number_of_the_class_the_first_labels_stand_for_it() -> None:
    bce = fc("f", 5, "neuron=logistic\n") + "[c]\ntype=cost.bce\ninputs=labels,f\ngpu=0\n"
    text = DATA.replace("dataIdx=1", "dataIdx=3") + OTHER.format(2) + bce + squares(5)
    given = f"[f]\n{RATES}[h]\n{RATES}[hd]\ncoeffs=1,-1\n[c]\ncoeff=1\n[hc]\ncoeff=1\n"
    found = load(text, given, "v2")
    assert [loss.op for loss in found.graph.losses] == [BinaryCrossEntropy()]
    assert [d.code for d in found.warnings if d.code.startswith("cfg-")] == [
        "cfg-substitute",
        "cfg-ignored-key",
        "cfg-left-out",
    ]


def test_the_difference_from_the_image_is_no_matter_of_labels() -> None:
    text = DATA.partition("[labels]")[0] + squares(192, "data")
    assert [d.code for d in said(text) if d.code.startswith("cfg-")] == []


def test_images_that_an_image_is_compared_with_are_no_classes() -> None:
    """As a net is trained that takes noise away: the images are the second matrix."""
    text = (
        "[clean]\ntype=data\ndataIdx=0\n[noisy]\ntype=data\ndataIdx=1\n"
        + conv("c", "noisy", 3)
        + "[d]\ntype=eltsum\ninputs=c,clean\ncoeffs=1,-1\n[s]\ntype=cost.sum2\ninputs=d\n"
    )
    (told,) = [d for d in load(text).warnings if d.code.startswith("cfg-")]
    assert told.code == "cfg-left-out"
    assert told.message.startswith("s: its labels (dataIdx=0) are 1,024 numbers an image, not its class; ")
    assert told.notes == ("a spec has no data but the images and the numbers of their classes",)
