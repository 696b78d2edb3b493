"""Small specs with wrong words, values, keys and lines."""

from __future__ import annotations

from wrong_specs import IMAGE, Case

WORDS = (
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
        "this file has no layers",
    ),
    Case(
        "indented-layer",
        IMAGE + "  [c] relu",
        (2, 3, "[c] relu"),
        "must begin in the line's first column",
    ),
    Case(
        "missing-key",
        IMAGE + "[c] conv filters=2",
        (2, 5, "conv"),
        "c needs kernel=",
        "the side of the window",
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
        "stray-value",
        IMAGE + "[c] dropout 0.5",
        (2, 13, "0.5"),
        "dropout does not take '0.5' without a key",
        "write rate=0.5",
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
        "unexpected ','",
        "without commas",
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
        "unknown-key", "net rounding=up nane=a\n" + IMAGE, (1, 17, "nane"), "net has no key 'nane'", "the keys of net: "
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
        "unknown-type",
        IMAGE + "[c] qqq",
        (2, 5, "qqq"),
        "layer type 'qqq' is unknown",
        "netspec explain describes: abs, ",
    ),
)
