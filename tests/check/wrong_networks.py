"""Small specs whose words are right and whose network is wrong: shapes, groups, reading and claims."""

from __future__ import annotations

from wrong_specs import IMAGE, Case

NETWORKS = (
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
        "crop-outside-image",
        IMAGE + "[c] crop size=30 top=3",
        (2, 10, "size=30"),
        "c crops more than there is",
        "height: 3 + 30 = 33, the image has 32",
    ),
    Case(
        "needs-colour",
        "[i] input 1x32x32\n[c] colourspace to=lab",
        (2, 5, "colourspace"),
        "c changes colours, and reads an image of 1 channel",
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
        "too-large",
        IMAGE + "[c] fc outputs=1000000",
        (2, 8, "outputs=1000000"),
        "c would have 3,072,000,000 weights",
        "2^31",
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
