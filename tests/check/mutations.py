"""A correct spec, and mistakes that can be made in each of its lines, each with the code that it gives."""

from __future__ import annotations

LINES = {
    "net     tiny  rounding=down": [
        ("rounding=down", "rounding=floor", "bad-value"),
        ("rounding", "ruonding", "unknown-key"),
    ],
    "gpus    2": [("2", "two", "bad-value")],
    "default conv  neuron=relu": [("neuron", "nueron", "unknown-key"), ("conv", "cnov", "unknown-type")],
    "[image] input    3x32x32  range=1": [("3x32x32", "3x32", "bad-value"), ("range=1", "rnage=1", "unknown-key")],
    "[conv1] conv     filters=8  kernel=5  -> 8x28x28": [
        ("kernel=5", "kernal=5", "unknown-key"),
        ("kernel=5", "kernel=five", "bad-value"),
        ("conv ", "cnov ", "unknown-type"),
        ("kernel=5", "kernel=5 kernel=3", "duplicate-key"),
        ("kernel=5", "kernel=99", "kernel-too-large"),
        ("filters=8", "filters=8,", "syntax"),
        ("kernel=5", "", "missing-key"),
        ("28x28", "27x27", "claim-refuted"),
    ],
    "[norm1] lrn      size=5  alpha=1e-4": [("alpha", "aplha", "unknown-key"), ("alpha=1e-4", "", "lrn-convention")],
    "[pool1] maxpool  kernel=2  stride=2  -> 8x14x14": [
        ("maxpool", "maxpol", "unknown-type"),
        ("stride=2", "stride=two", "bad-value"),
        ("stride=2", "stride=2 $", "syntax"),
    ],
    "[fc2]   fc       outputs=16  reads=all": [
        ("outputs=16", "outputs=15", "groups-do-not-divide"),
        ("reads=all", "reads=al", "bad-value"),
    ],
    "[drop2] dropout  rate=0.5  inputs=fc2": [
        ("0.5", "5", "bad-value"),
        ("rate", "rtae", "unknown-key"),
        ("=fc2", "=fcc2", "unknown-layer"),
    ],
    "[fc3]   fc       outputs=10  inputs=fc2  gpu=1": [
        ("gpu=1", "gpu=7", "no-such-group"),
        ("inputs=fc2", "inputs=fc22", "unknown-layer"),
    ],
    "[prob]  softmax": [("softmax", "sotfmax", "unknown-type"), ("softmax", "softmax 3", "stray-value")],
    "train   epochs=9  batch=4": [("epochs=9", "epochs=0", "bad-value"), ("batch", "bacth", "unknown-key")],
    "test    views=10": [("test ", "tset ", "unknown-setting"), ("10", "9", "bad-value")],
}

MUTATIONS = [(number, *change) for number, changes in enumerate(LINES.values()) for change in changes]


def mutated(*changes: tuple[int, str, str, str]) -> str:
    lines = list(LINES)
    for number, old, new, _ in changes:
        assert old in lines[number]
        lines[number] = lines[number].replace(old, new, 1)
    return "\n".join(lines)
