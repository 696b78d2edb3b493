"""Small wrong specs, one for each thing that the checker says: the code, the place, and what helps."""

from __future__ import annotations

from dataclasses import dataclass

IMAGE = "[image] input 3x32x32\n"


@dataclass(frozen=True)
class Case:
    """A wrong spec: the code, its place, a part of the message, and a part of the notes or of the fixes."""

    code: str
    text: str
    place: tuple[int, int, str]
    message: str
    help: str = ""


CASES = (
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=many kernel=3",
        (2, 18, "many"),
        "filters: needs a whole number from 1, not 'many'",
    ),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3 neuron=rleu",
        (2, 36, "rleu"),
        "neuron: 'rleu' is unknown; did you mean relu?",
        "write relu",
    ),
    Case(
        "bad-value", IMAGE + "[c] conv filters=2 kernel=3 neuron=sigmoid", (2, 36, "sigmoid"), "did you mean logistic?"
    ),
    Case(
        "bad-value", IMAGE + "[c] conv filters=2 kernel=3 init=normal(0.1)", (2, 34, "normal"), "did you mean gaussian?"
    ),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3 init=gaussian(sdt=1)",
        (2, 43, "sdt"),
        "did you mean std?",
    ),
    Case(
        "bad-value",
        IMAGE + "[c] fc outputs=3000000000",
        (2, 16, "3000000000"),
        "is at most 2,147,483,648",
    ),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3 pad=same",
        (2, 33, "same"),
        "or left,right,top,bottom",
    ),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3,5",
        (2, 27, "3,5"),
        "height x width (3x5), not '3,5'",
    ),
    Case(
        "claim-refuted",
        IMAGE + "[c] conv filters=2 kernel=3 -> 2x32x32",
        (2, 32, "2x32x32"),
        "c is 2x30x30, not 2x32x32",
        "width: (32 + 0 + 0 - 3) / 1 + 1 = 30",
    ),
    Case(
        "claim-refuted",
        IMAGE + "[c] conv filters=2 kernel=3 -> weights=10",
        (2, 32, "weights=10"),
        "c has 54 weights, not 10",
        "3 * 3 * 3 weights a filter * 2 filters = 54",
    ),
    Case(
        "crop-differs",
        IMAGE + "augment crop=30",
        (2, 9, "crop=30"),
        "crops of 30 x 30 pixels do not fit an input of 3x32x32",
        "augment crop=32",
    ),
    Case(
        "batch-not-divided",
        IMAGE + "train batch=128 accumulate=3",
        (2, 17, "accumulate=3"),
        "a batch of 128 images cannot be gathered in 3 equal parts",
        "128 / 3 = 42.6667",
    ),
    Case(
        "crop-too-large",
        IMAGE + "augment crop=32 from=16",
        (2, 9, "crop=32"),
        "32 pixels cannot be cut from 16",
    ),
    Case(
        "cycle",
        IMAGE + "[c] relu inputs=d\n[d] relu",
        (2, 17, "d"),
        "c reads its own output",
        "c -> d -> c",
    ),
    Case(
        "duplicate-key",
        IMAGE + "[c] maxpool kernel=2 kernel=4",
        (2, 22, "kernel=4"),
        "kernel is given twice",
        "first here",
    ),
    Case(
        "duplicate-layer",
        IMAGE + "[c] relu\n[c] relu",
        (3, 2, "c"),
        "two layers called c",
        "the first one",
    ),
    Case(
        "duplicate-setting",
        "gpus 1\n" + IMAGE + "gpus 2",
        (3, 1, "gpus"),
        "gpus is set twice",
        "first here",
    ),
    Case(
        "empty-spec",
        "net a # nothing\n",
        (1, 1, "net a # nothing"),
        "no layer in this file",
    ),
    Case(
        "groups-do-not-divide",
        IMAGE + "[c] conv filters=4 kernel=3 groups=2",
        (2, 29, "groups=2"),
        "2 groups do not divide its input channels",
        "3 input channels / 2 groups = 1.5",
    ),
    Case(
        "groups-do-not-divide",
        "gpus 2\n" + IMAGE + "[c] fc outputs=5",
        (3, 8, "outputs=5"),
        "2 GPU groups do not divide its outputs",
        "c outputs=6",
    ),
    Case(
        "indented-layer",
        IMAGE + "  [c] relu",
        (2, 3, "[c] relu"),
        "must begin in the line's first column",
    ),
    Case(
        "kernel-too-large",
        IMAGE + "[c] maxpool kernel=33",
        (2, 13, "kernel=33"),
        "larger than its padded input",
        "the kernel spans 33, the input has 32 + 0 + 0 = 32",
    ),
    Case(
        "kernel-too-large",
        "[i] input 224x224x3\n[c] conv filters=2 kernel=5",
        (2, 20, "kernel=5"),
        "larger than its padded",
        "input 3x224x224",
    ),
    Case(
        "lrn-convention",
        IMAGE + "[c] lrn size=5",
        (2, 5, "lrn"),
        "neither alpha nor scale is given",
        "the paper's formula",
    ),
    Case(
        "lrn-convention", IMAGE + "[c] lrn size=5 alpha=1 scale=2", (2, 16, "alpha=1"), "both alpha and scale are given"
    ),
    Case(
        "missing-key",
        IMAGE + "[c] conv filters=2",
        (2, 5, "conv"),
        "c needs kernel=",
        "the window's side",
    ),
    Case(
        "missing-type",
        IMAGE + "[c]",
        (2, 2, "c"),
        "c has no type",
        "[name] type key=value",
    ),
    Case(
        "missing-type",
        IMAGE + "[c] type=relu",
        (2, 5, "type=relu"),
        "c has no type",
        "[c] relu ...",
    ),
    Case(
        "missing-type",
        IMAGE + "[c] conv(filters=2)",
        (2, 5, "conv(filters=2)"),
        "c has no type",
        "without brackets",
    ),
    Case(
        "missing-value",
        "[i] input range=1",
        (1, 5, "input"),
        "i needs its shape",
    ),
    Case(
        "needs-image",
        "[i] input 10\n[c] maxpool kernel=2",
        (2, 5, "maxpool"),
        "c pools an image, and reads a vector of 10",
    ),
    Case(
        "needs-vector",
        IMAGE + "[l] crossentropy",
        (2, 5, "crossentropy"),
        "reads an image of 3x32x32",
    ),
    Case(
        "no-input",
        "[c] relu\n[d] relu",
        (1, 2, "c"),
        "the network has no input",
        "[image] input 3x224x224",
    ),
    Case(
        "no-such-group",
        "gpus 2\n" + IMAGE + "[c] fc outputs=2 gpu=2",
        (3, 18, "gpu=2"),
        "there is no GPU group 2",
        "0 to 1",
    ),
    Case(
        "placement-mismatch",
        "gpus 2\n" + IMAGE + "[c] fc outputs=2\n[d] fc outputs=2 gpu=0\n[e] sum inputs=c,d",
        (5, 9, "inputs=c,d"),
        "e needs inputs that are placed alike",
        "c (2) is split over the groups",
    ),
    Case(
        "placement-mismatch",
        "gpus 2\n" + IMAGE + "[c] fc outputs=2\n[d] fc outputs=2 gpu=0\n[e] concat inputs=c,d",
        (5, 12, "inputs=c,d"),
        "e joins values that are split",
    ),
    Case(
        "reads-later-layer",
        IMAGE + "[c] relu inputs=e\n[d] relu inputs=image\n[e] relu inputs=image",
        (2, 17, "e"),
        "c reads e, which stands below it",
        "a layer reads what stands above it",
    ),
    Case(
        "reads-later-layer",
        IMAGE + "[c] fc outputs=2 weights=d\n[d] fc outputs=2",
        (2, 26, "d"),
        "does not stand above it",
    ),
    Case(
        "reads-loss",
        "[i] input 3\n[l] crossentropy\n[c] relu",
        (3, 5, "relu"),
        "c reads l, which is a loss",
    ),
    Case(
        "several-inputs",
        IMAGE + "[j] input 3x3x3",
        (2, 1, "[j] input 3x3x3"),
        "j is a second input",
        "the first; a network has one",
    ),
    Case(
        "shapes-differ",
        IMAGE + "[c] maxpool kernel=2\n[d] sum inputs=image,c",
        (3, 9, "inputs=image,c"),
        "d needs inputs of one shape",
        "3x32x32, 3x16x16",
    ),
    Case(
        "stray-value",
        IMAGE + "[c] dropout 0.5",
        (2, 13, "0.5"),
        "dropout does not take '0.5' without a key",
        "the keys of dropout: rate, scaling",
    ),
    Case(
        "stray-value",
        IMAGE + "[c] conv 96 11",
        (2, 10, "96"),
        "conv does not take '96 ... 11' without a key",
    ),
    Case(
        "syntax",
        IMAGE + "[c] conv filters=2, kernel=3",
        (2, 19, ","),
        "',' cannot stand here",
        "without commas",
    ),
    Case(
        "too-large",
        IMAGE + "[c] fc outputs=1000000",
        (2, 8, "outputs=1000000"),
        "c would have 3,072,000,000 weights",
        "2^31",
    ),
    Case(
        "unindented-continuation",
        IMAGE + "[c] maxpool\nkernel=2",
        (3, 1, "kernel="),
        "must be indented",
    ),
    Case(
        "unknown-key",
        IMAGE + "[c] conv filters=2 kernal=3",
        (2, 20, "kernal"),
        "conv has no key 'kernal'; did you mean kernel?",
        "write kernel",
    ),
    Case(
        "unknown-key",
        IMAGE + "[c] maxpool kernel=2 filters=3",
        (2, 22, "filters"),
        "filters is a key of conv, local, not of maxpool",
        "the keys of maxpool: kernel, stride",
    ),
    Case(
        "unknown-key",
        IMAGE + "[c] conv filters=2 kernel=3 activation=relu",
        (2, 29, "activation"),
        "did you mean neuron?",
        "write neuron",
    ),
    Case(
        "unknown-key", "net rounding=up name=a\n" + IMAGE, (1, 17, "name"), "net has no key 'name'", "the keys of net: "
    ),
    Case(
        "unknown-key",
        "gpus 2 split=yes\n" + IMAGE,
        (1, 8, "split"),
        "gpus has no key 'split'",
        "gpus has no keys",
    ),
    Case(
        "unknown-key",
        IMAGE + "[c] relu -> unit=3072",
        (2, 13, "unit"),
        "claim 'unit' is unknown; did you mean units?",
        "write units",
    ),
    Case(
        "unknown-layer",
        IMAGE + "[c] relu inputs=imgae",
        (2, 17, "imgae"),
        "layer 'imgae' is unknown; did you mean image?",
        "write image",
    ),
    Case(
        "unknown-setting",
        "gpu 2\n" + IMAGE,
        (1, 1, "gpu"),
        "setting 'gpu' is unknown; did you mean gpus?",
        "write gpus",
    ),
    Case(
        "unknown-type",
        IMAGE + "[c] maxpol kernel=2",
        (2, 5, "maxpol"),
        "layer type 'maxpol' is unknown; did you mean maxpool?",
        "write maxpool",
    ),
    Case(
        "unknown-type",
        IMAGE + "[c] dense outputs=2",
        (2, 5, "dense"),
        "did you mean fc?",
        "write fc",
    ),
    Case(
        "unknown-type", IMAGE + "[c] qqq", (2, 5, "qqq"), "layer type 'qqq' is unknown", "the layer types: abs, avgpool"
    ),
    Case(
        "weights-mismatch",
        IMAGE + "[c] fc outputs=2\n[d] fc outputs=2 weights=c",
        (3, 18, "weights=c"),
        "d cannot take c's weights",
        "d needs 2x2, c has 2x3072",
    ),
    Case(
        "window-does-not-tile",
        IMAGE + "[c] conv filters=2 kernel=3 stride=2",
        (2, 20, "kernel=3"),
        "does not tile its input",
        "(32 + 0 + 0 - 3) / 2 + 1 = 15.5, not a whole number",
    ),
    Case(
        "window-outside-image",
        IMAGE + "[c] maxpool kernel=2 pad=2",
        (2, 13, "kernel=2"),
        "first window lies wholly outside",
        "the first one covers pixels -2 to -1",
    ),
    Case(
        "wrong-inputs", IMAGE + "[c] sum inputs=image", (2, 9, "inputs=image"), "c reads 1 layer; sum needs at least 2"
    ),
)
