"""Small incorrect specs: one or more for each code of the checker."""

from __future__ import annotations

from dataclasses import dataclass

from checking import marked

IMAGE = "[image] input 3x32x32\n"


@dataclass(frozen=True)
class Case:
    """An incorrect spec: the code, its text with marks around the place, a part of the message, and of notes or fixes.

    The marks are « and ».
    """

    code: str
    marked: str
    message: str
    help: str = ""

    @property
    def text(self) -> str:
        return marked(self.marked)[0]

    @property
    def place(self) -> tuple[int, int, str]:
        """The line and the column of the place, from 1, and its text."""
        return marked(self.marked)[1]


CASES = (
    # words, values, keys and lines
    Case("bad-value", IMAGE + "[c] conv filters=«many» kernel=3", "filters: needs a whole number from 1, not 'many'"),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3 neuron=«rleu»",
        "neuron: 'rleu' is unknown; did you mean relu?",
        "write relu",
    ),
    Case("bad-value", IMAGE + "[c] conv filters=2 kernel=3 neuron=«sigmoid»", "did you mean logistic?"),
    Case("bad-value", IMAGE + "[c] conv filters=2 kernel=3 neuron=«2»", "neuron: '2' is unknown"),
    Case("bad-value", IMAGE + "[c] conv filters=2 kernel=3 max_norm=«many»", "above 0, or none, not 'many'"),
    Case("bad-value", "[i] input 3x8x8 range=«0,white»\n[c] relu", "range: needs 255 or 1, not '0,white'"),
    Case("bad-value", "[i] input 3x8x8 mean=«channel(3)»\n[c] relu", "or a number for each channel, not 'channel(3)'"),
    Case("bad-value", IMAGE + "[c] relu\naugment from=40 area=«0.1,many»", "above 0 up to 1, not 'many'"),
    Case("bad-value", IMAGE + "[c] conv filters=2 kernel=3 init=«normal»(0.1)", "did you mean gaussian?"),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3 init=«normal(0, 0.1)»",
        "did you mean gaussian?",
        "write gaussian(0.1)",
    ),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3 init=«normal(1, 0.1)»",
        "did you mean gaussian?",
        "write gaussian(0.1, 1)",
    ),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3 init=«gaussian(0, 0.1)»",
        "gaussian has a standard deviation of 0 here, and a mean of 0.1",
        "write gaussian(0.1)",
    ),
    Case(
        "bad-value",
        IMAGE + "[c] conv filters=2 kernel=3 bias=«uniform(-0.1, 0.1)»",
        "bias: uniform takes one number, not -0.1 and 0.1",
        "write uniform(0.1)",
    ),
    Case("bad-value", IMAGE + "[c] conv filters=2 kernel=3 init=gaussian(«sdt»=1)", "did you mean std?"),
    Case("bad-value", IMAGE + "[c] fc outputs=«3000000000»", "is at most 2,147,483,648"),
    Case("bad-value", IMAGE + "[c] conv filters=2 kernel=3 pad=«same»", "or left,right,top,bottom"),
    Case("bad-value", IMAGE + "[c] conv filters=2 kernel=«3,5»", "height x width (3x5), not '3,5'"),
    Case("duplicate-key", IMAGE + "[c] maxpool kernel=2 «kernel=4»", "kernel is given twice", "first here"),
    Case("duplicate-layer", IMAGE + "[c] relu\n[«c»] relu", "two layers called c", "the first one"),
    Case("duplicate-setting", "gpus 1\n" + IMAGE + "«gpus» 2", "gpus is set twice", "first here"),
    Case("empty-spec", "«net a # nothing»\n", "this file has no layers"),
    Case("indented-layer", IMAGE + "  «[c] relu»", "must begin in the line's first column"),
    Case("missing-key", IMAGE + "[c] «conv» filters=2", "c needs kernel=", "the side of the window"),
    Case("missing-type", IMAGE + "[«c»]", "c has no type", "[name] type key=value"),
    Case("missing-type", IMAGE + "[c] «type=relu»", "c has no type", "[c] relu ..."),
    Case("missing-type", IMAGE + "[c] «conv(filters=2)»", "c has no type", "without brackets"),
    Case("missing-value", "[i] «input» range=1", "i needs its shape"),
    Case("stray-value", IMAGE + "[c] dropout «0.5»", "dropout does not take '0.5' without a key", "write rate=0.5"),
    Case("stray-value", IMAGE + "[c] conv «96» 11", "conv does not take '96 ... 11' without a key"),
    Case("syntax", IMAGE + "[c] conv filters=2«,» kernel=3", "unexpected ','", "without commas"),
    Case("unindented-continuation", IMAGE + "[c] maxpool\n«kernel=»2", "must be indented"),
    Case(
        "unknown-key",
        IMAGE + "[c] conv filters=2 «kernal»=3",
        "conv has no key 'kernal'; did you mean kernel?",
        "write kernel",
    ),
    Case(
        "unknown-key",
        IMAGE + "[c] maxpool kernel=2 «filters»=3",
        "filters is a key of conv, deconv, local, not of maxpool",
        "the keys of maxpool: kernel, stride",
    ),
    Case(
        "unknown-key", IMAGE + "[c] conv filters=2 kernel=3 «activation»=relu", "did you mean neuron?", "write neuron"
    ),
    Case("unknown-key", "net rounding=up «nane»=a\n" + IMAGE, "net has no key 'nane'", "the keys of net: "),
    Case("unknown-key", "gpus 2 «split»=yes\n" + IMAGE, "gpus has no key 'split'", "gpus has no keys"),
    Case(
        "unknown-key", IMAGE + "[c] relu -> «unit»=3072", "claim 'unit' is unknown; did you mean units?", "write units"
    ),
    Case(
        "unknown-layer",
        IMAGE + "[c] relu inputs=«imgae»",
        "layer 'imgae' is unknown; did you mean image?",
        "write image",
    ),
    Case("unknown-setting", "«gpu» 2\n" + IMAGE, "setting 'gpu' is unknown; did you mean gpus?", "write gpus"),
    Case(
        "unknown-type",
        IMAGE + "[c] «maxpol» kernel=2",
        "layer type 'maxpol' is unknown; did you mean maxpool?",
        "write maxpool",
    ),
    Case("unknown-type", IMAGE + "[c] «dense» outputs=2", "did you mean fc?", "write fc"),
    Case("unknown-type", IMAGE + "[c] «qqq»", "layer type 'qqq' is unknown", "netspec explain describes: abs, "),
    # networks
    Case(
        "claim-refuted",
        IMAGE + "[c] conv filters=2 kernel=3 -> «2x32x32»",
        "c is 2x30x30, not 2x32x32",
        "width: (32 + 0 + 0 - 3) / 1 + 1 = 30",
    ),
    Case(
        "claim-refuted",
        IMAGE + "[c] conv filters=2 kernel=3 -> «weights=10»",
        "c has 54 weights, not 10",
        "3 * 3 * 3 weights a filter * 2 filters = 54",
    ),
    Case(
        "crop-differs",
        IMAGE + "augment «crop=30»",
        "crops of 30 x 30 pixels do not fit an input of 3x32x32",
        "augment crop=32",
    ),
    Case(
        "class-weights",
        IMAGE + "[f] fc outputs=3\ntrain «class_weights=1,5»",
        "class_weights has 2 numbers, and f has the scores of 3 classes",
        "1 leaves a class as it is",
    ),
    Case(
        "views-differ",
        IMAGE + "[f] fc outputs=3\ntest «views=whole»",
        "views=whole is for networks whose class scores are maps, and f gives an image one score for each class",
        "test views=10",
    ),
    Case(
        "views-differ",
        IMAGE + "[c] conv filters=3 kernel=1\ntest from=40 «views=10»",
        "views=10 is for networks that give an image one class, and the class scores of c are maps, 3x32x32",
        "test views=whole",
    ),
    Case(
        "batch-not-divided",
        IMAGE + "train batch=128 «accumulate=3»",
        "a batch of 128 images cannot be divided into 3 equal parts",
        "128 / 3 = 42.6667",
    ),
    Case("crop-too-large", IMAGE + "augment «crop=32» from=16", "32 pixels cannot be cut from 16"),
    Case("cycle", IMAGE + "[c] relu inputs=«d»\n[d] relu", "c reads its own output", "c -> d -> c"),
    Case(
        "table-mismatch",
        IMAGE + "[c] conv filters=2 kernel=3 table=0+1,«2+3»",
        "c: filter 1 reads channel 3, which its input does not have",
        "2+3: the input has 3 channels, counted from 0: 0 to 2",
    ),
    Case(
        "table-mismatch",
        IMAGE + "[c] conv filters=2 kernel=3 table=\n  0+1,\n  «3»",
        "c: filter 1 reads channel 3, which its input does not have",
        "3: the input has 3 channels, counted from 0: 0 to 2",
    ),
    Case(
        "table-mismatch",
        IMAGE + "[c] conv filters=1 kernel=3 table=«7»",
        "c: filter 0 reads channel 7, which its input does not have",
        "7: the input has 3 channels, counted from 0: 0 to 2",
    ),
    Case(
        "groups-do-not-divide",
        IMAGE + "[c] conv filters=4 kernel=3 «groups=2»",
        "2 groups do not divide its input channels",
        "3 input channels / 2 groups = 1.5",
    ),
    Case(
        "groups-do-not-divide",
        "gpus 2\n" + IMAGE + "[c] fc «outputs=5»",
        "2 GPU groups do not divide its outputs",
        "c outputs=6",
    ),
    Case(
        "kernel-too-large",
        IMAGE + "[c] maxpool «kernel=33»",
        "larger than its padded input",
        "the kernel spans 33, the input has 32 + 0 + 0 = 32",
    ),
    Case(
        "kernel-too-large",
        "[i] input 224x224x3\n[c] conv filters=2 «kernel=5»",
        "larger than its padded",
        "input 3x224x224",
    ),
    Case("lrn-convention", IMAGE + "[c] «lrn» size=5", "neither alpha nor scale is given", "the paper's formula"),
    Case("lrn-convention", IMAGE + "[c] lrn size=5 «alpha=1» scale=2", "both alpha and scale are given"),
    Case(
        "crop-outside-image",
        IMAGE + "[c] crop «size=30» top=3",
        "c crops more than there is",
        "height: 3 + 30 = 33, the image has 32",
    ),
    Case(
        "nothing-left",
        IMAGE + "[c] deconv filters=2 kernel=3 «pad=20»",
        "c's pad cuts off all of its output",
        "width: (32 - 1) * 1 + 3 - 20 - 20 = -6",
    ),
    Case(
        "slice-outside-value",
        IMAGE + "[c] slice «channels=2» first=2",
        "c takes more channels than there are",
        "2 + 2 = 4, its input has 3 channels",
    ),
    Case(
        "needs-colour",
        "[i] input 1x32x32\n[c] «colourspace» to=lab",
        "c changes colours, and reads an image of 1 channel",
    ),
    Case("needs-image", "[i] input 10\n[c] «maxpool» kernel=2", "c pools an image, and reads a vector of 10"),
    Case("needs-vector", IMAGE + "[l] «squarederror»", "reads an image of 3x32x32"),
    Case(
        "classes-differ",
        IMAGE + "[a] fc outputs=2\n[l] «crossentropy»\n[f] fc outputs=3 inputs=a\n[m] crossentropy",
        "l reads the scores of 2 classes, and m those of 3 classes",
        "the class of an image may be one that has no score in l",
    ),
    Case("no-input", "[«c»] relu\n[d] relu", "the network has no input", "[image] input 3x224x224"),
    Case("no-such-group", "gpus 2\n" + IMAGE + "[c] fc outputs=2 «gpu=2»", "there is no GPU group 2", "0 to 1"),
    Case(
        "placement-mismatch",
        "gpus 2\n" + IMAGE + "[c] fc outputs=2\n[d] fc outputs=2 gpu=0\n[e] sum «inputs=c,d»",
        "e needs inputs with the same placement on the GPU groups",
        "c (2) is split over the groups",
    ),
    Case(
        "placement-mismatch",
        "gpus 2\n" + IMAGE + "[c] fc outputs=2\n[d] fc outputs=2 gpu=0\n[e] concat «inputs=c,d»",
        "e joins values that are split",
    ),
    Case(
        "reads-later-layer",
        IMAGE + "[c] relu inputs=«e»\n[d] relu inputs=image\n[e] relu inputs=image",
        "c reads e, which is below it",
        "a layer can only read layers above it",
    ),
    Case("reads-later-layer", IMAGE + "[c] fc outputs=2 weights=«d»\n[d] fc outputs=2", "is not above it"),
    Case("reads-loss", "[i] input 3\n[l] crossentropy\n[c] «relu»", "c reads l, which is a loss"),
    Case(
        "several-inputs",
        IMAGE + "«[j] input 3x3x3»",
        "j is a second input",
        "the first input; a network has exactly one",
    ),
    Case(
        "shapes-differ",
        IMAGE + "[c] maxpool kernel=2\n[d] sum «inputs=image,c»",
        "d needs inputs of one shape",
        "3x32x32, 3x16x16",
    ),
    Case("too-large", IMAGE + "[c] fc «outputs=1000000»", "c would have 3,072,000,000 weights", "2^31"),
    Case(
        "weights-mismatch",
        IMAGE + "[c] fc outputs=2\n[d] fc outputs=2 «weights=c»",
        "d cannot take c's weights",
        "d needs 2x2, c has 2x3072",
    ),
    Case(
        "weights-mismatch",
        "[i] input 4x8x8\n[c] deconv filters=2 kernel=3\n[d] deconv filters=4 kernel=3 «groups=2» inputs=i weights=c",
        "d cannot take c's weights",
        "only one of them has groups: the shapes of their weights are equal by chance",
    ),
    Case(
        "window-does-not-tile",
        IMAGE + "[c] conv filters=2 «kernel=3» stride=2",
        "does not tile its input",
        "(32 + 0 + 0 - 3) / 2 + 1 = 15.5, not a whole number",
    ),
    Case(
        "window-outside-image",
        IMAGE + "[c] maxpool «kernel=2» pad=2",
        "first window lies wholly outside",
        "the first one covers pixels -2 to -1",
    ),
    Case("wrong-inputs", IMAGE + "[c] sum «inputs=image»", "c reads 1 layer; sum needs at least 2"),
)
