"""Networks that were published as Darknet's files, from the tables of their authors and those that Darknet prints."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TRAINING = """batch=128
subdivisions=4
momentum=0.9
decay=0.0005
learning_rate=0.1
policy=poly
power=4
max_batches=1600000
"""


def net(side: int, options: str = "") -> str:
    return f"[net]\n{options}height={side}\nwidth={side}\nchannels=3\n"


def section(word: str, **options: object) -> str:
    return f"\n[{word}]\n" + "".join(f"{key.removesuffix('_')}={value}\n" for key, value in options.items())


def conv(filters: int, size: int, stride: int = 1, *, activation: str = "leaky", norm: bool = True) -> str:
    normalised = {"batch_normalize": 1} if norm else {}
    return section(
        "convolutional", **normalised, filters=filters, size=size, stride=stride, pad=1, activation=activation
    )


def rows(*words: str) -> str:
    """Return layers in short: ``32x3`` is a convolution with 32 filters of 3x3, normalised and leaky, ``64x3/2`` one
    with a stride of 2, ``max`` a pooling of 2x2, and ``sum`` adds what the last two convolutions read."""
    text = ""
    for word in words:
        if word == "max":
            text += section("maxpool", size=2, stride=2)
        elif word == "sum":
            text += section("shortcut", from_=-3, activation="linear")
        else:
            shape, _, stride = word.partition("/")
            filters, size = map(int, shape.split("x"))
            text += conv(filters, size, int(stride or 1))
    return text


def classifier(classes: int = 1000) -> str:
    """Return scores as maps, their means, and the softmax."""
    scores = conv(classes, 1, activation="linear", norm=False)
    return scores + section("avgpool") + section("softmax", groups=1)


_DARKNET19 = (
    "32x3", "max", "64x3", "max", "128x3", "64x1", "128x3", "max", "256x3", "128x1", "256x3", "max",
    "512x3", "256x1", "512x3", "256x1", "512x3", "max", "1024x3", "512x1", "1024x3", "512x1", "1024x3",
)  # fmt: skip


def darknet19() -> str:
    """Redmon & Farhadi: YOLO9000 (2017), table 6."""
    return net(224, TRAINING) + rows(*_DARKNET19) + classifier()


def tiny() -> str:
    middle = ("16x1", "128x3", "16x1", "128x3", "max", "32x1", "256x3", "32x1", "256x3", "max", "64x1", "512x3", "64x1")
    return (
        net(224, f"{TRAINING}max_crop=320\n")
        + rows("16x3", "max", "32x3", "max", *middle, "512x3", "128x1")
        + classifier()
    )


def _residual_stages() -> str:
    """Return the layers of Darknet-53 before the pooling (Redmon & Farhadi: YOLOv3, 2018, table 1)."""
    words = ["32x3"]
    for filters, blocks in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        words += [f"{filters}x3/2", *[f"{filters // 2}x1", f"{filters}x3", "sum"] * blocks]
    return rows(*words)


def darknet53() -> str:
    scores = section("avgpool") + conv(1000, 1, activation="linear", norm=False) + section("softmax", groups=1)
    return net(256, TRAINING) + _residual_stages() + scores


def alexnet() -> str:
    """As ``cfg/alexnet.cfg``: without groups and response normalisations."""
    text = net(227, "batch=1\nlearning_rate=0.01\n")
    pool = section("maxpool", size=3, stride=2, padding=0)
    text += section("convolutional", filters=96, size=11, stride=4, pad=0, activation="relu") + pool
    text += conv(256, 5, activation="relu", norm=False) + pool
    text += "".join(conv(filters, 3, activation="relu", norm=False) for filters in (384, 384, 256)) + pool
    for _ in range(2):
        text += section("connected", output=4096, activation="relu") + section("dropout", probability=0.5)
    return text + section("connected", output=1000, activation="linear") + section("softmax", groups=1)


def strided() -> str:
    """The beginning and the end of ``cfg/strided.cfg``, a file of 2014: crops, and the activation ramp."""
    text = net(256, "batch=128\n") + section("crop", crop_height=224, crop_width=224, flip=1)
    text += conv(64, 7, 2, activation="ramp", norm=False) + section("maxpool", size=3, stride=2)
    return text + section("connected", output=1000, activation="ramp") + section("softmax")


def resnet50() -> str:
    """As ``cfg/resnet50.cfg``: the shortcuts add other numbers of channels, and maps of twice the size."""
    text = net(256, TRAINING) + rows("64x7/2", "max")
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            filters, stride = 64 * 2**stage, 2 if stage and not block else 1
            text += conv(filters, 1) + conv(filters, 3, stride) + conv(4 * filters, 1, activation="linear")
            text += section("shortcut", from_=-4, activation="leaky")
    return text + section("avgpool") + conv(1000, 1, activation="linear", norm=False) + section("softmax", groups=1)


def yolov2() -> str:
    text = net(608) + rows(*_DARKNET19, "1024x3", "1024x3") + section("route", layers=-9) + conv(64, 1)
    text += section("reorg", stride=2) + section("route", layers="-1,-4") + conv(1024, 3)
    return text + conv(425, 1, activation="linear", norm=False) + section("region", classes=80, num=5, coords=4)


def yolov3() -> str:
    """Darknet-53, and three times the maps in which boxes are found."""
    text = net(608) + _residual_stages()
    for filters, layer in ((512, None), (256, 61), (128, 36)):
        if layer is not None:
            text += section("route", layers=-4) + conv(filters, 1)
            text += section("upsample", stride=2) + section("route", layers=f"-1, {layer}")
        text += "".join(conv(filters, 1) + conv(2 * filters, 3) for _ in range(3))
        text += conv(255, 1, activation="linear", norm=False) + section("yolo", mask="0,1,2", classes=80, num=9)
    return text


def yolov3_tiny() -> str:
    text = net(416) + rows("16x3", "max", "32x3", "max", "64x3", "max", "128x3", "max", "256x3", "max", "512x3")
    text += section("maxpool", size=2, stride=1) + rows("1024x3", "256x1", "512x3")
    text += conv(255, 1, activation="linear", norm=False) + section("yolo", classes=80)
    text += (
        section("route", layers=-4) + conv(128, 1) + section("upsample", stride=2) + section("route", layers="-1, 8")
    )
    return text + conv(256, 3) + conv(255, 1, activation="linear", norm=False) + section("yolo", classes=80)


def weights(count: int, version: tuple[int, int, int] = (0, 2, 0), seed: int = 0) -> bytes:
    """Return a ``.weights`` file with so many numbers, which are variances too: above 0."""
    long = version[0] * 10 + version[1] >= 2
    numbers = np.random.default_rng(seed).uniform(0.01, 0.1, count).astype("<f4")
    return np.array([*version, *[0] * (2 if long else 1)], "<i4").tobytes() + numbers.tobytes()


def write_files(folder: Path) -> None:
    """Write the files of docs/darknet.md."""
    for name, text in (("tiny", tiny()), ("yolov3-tiny", yolov3_tiny())):
        (folder / f"{name}.cfg").write_text(text)
    (folder / "tiny.weights").write_bytes(weights(1_046_488))
