"""Networks that were published as Caffe's files, from the tables of their authors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from caffe_files import images, labelled, layer
from caffemodels import Array, caffemodel


@dataclass
class Writer:
    """The layers so far, and the value that the next one reads. ``fillers`` and ``param`` are those of all layers with
    weights."""

    text: str
    at: str = "data"
    fillers: dict[str, object] = field(default_factory=dict)
    param: list[object] = field(default_factory=list)

    def add(self, name: str, type_: str, bottoms: list[str] | None = None, **fields: object) -> str:
        self.text += layer(name, type_, bottoms or [self.at], **fields)
        self.at = name
        return name

    def in_place(self, name: str, type_: str, **fields: object) -> None:
        self.text += layer(name, type_, [self.at], self.at, **fields)

    def conv(self, name: str, filters: int, kernel: int, *, relu: bool = True, at: str = "", **fields: object) -> str:
        given = {"num_output": filters, "kernel_size": kernel, **self.fillers, **fields}
        self.add(name, "Convolution", [at or self.at], param=self.param, convolution_param=given)
        if relu:
            self.in_place(f"relu_{name}", "ReLU")
        return name

    def pool(self, name: str, kernel: int, stride: int = 2, *, at: str = "", **fields: object) -> str:
        given = {"pool": "MAX", "kernel_size": kernel, "stride": stride, **fields}
        return self.add(name, "Pooling", [at or self.at], pooling_param=given)

    def average(self, name: str) -> str:
        return self.add(name, "Pooling", pooling_param={"pool": "AVE", "global_pooling": True})

    def lrn(self, name: str, **fields: object) -> str:
        return self.add(name, "LRN", lrn_param={"local_size": 5, "alpha": 1e-4, "beta": 0.75, **fields})

    def dense(self, name: str, outputs: int, *, relu: bool = False) -> str:
        self.add(name, "InnerProduct", param=self.param, inner_product_param={"num_output": outputs, **self.fillers})
        if relu:
            self.in_place(f"relu_{name}", "ReLU")
        return name

    def dropout(self, name: str, ratio: float) -> None:
        self.in_place(name, "Dropout", dropout_param={"dropout_ratio": ratio})

    def normalised(
        self, name: str, filters: int, kernel: int, *, relu: bool = True, at: str = "", **fields: object
    ) -> str:
        """Return a convolution without biases, a batch normalisation and a Scale."""
        self.conv(name, filters, kernel, relu=False, at=at, bias_term=False, **fields)
        self.in_place(f"bn_{name}", "BatchNorm", batch_norm_param={"use_global_stats": True})
        self.in_place(f"scale_{name}", "Scale", scale_param={"bias_term": True})
        if relu:
            self.in_place(f"relu_{name}", "ReLU")
        return name


def write_files(folder: Path) -> None:
    """Write the files that docs/caffe.md reads."""
    (folder / "caffenet.prototxt").write_text(f'name: "CaffeNet"\n{alexnet(pool_first=True)}', "utf-8")
    (folder / "cifar10_full.prototxt").write_text(f'name: "CIFAR10_full_deploy"\n{cifar10_full()}', "utf-8")
    (folder / "lenet.prototxt").write_text(f'name: "LeNet"\n{lenet()}', "utf-8")
    (folder / "lenet_train_test.prototxt").write_text(f'name: "LeNet"\n{lenet_train_test()}', "utf-8")
    (folder / "lenet_solver.prototxt").write_text(LENET_SOLVER, "utf-8")
    (folder / "lenet_iter_10000.caffemodel").write_bytes(caffemodel(lenet_blobs()))


def alexnet(*, pool_first: bool = False, width: int = 1) -> str:
    """bvlc_alexnet; with ``pool_first``, CaffeNet, which pools before it normalises. ``width`` divides the layers."""
    w = Writer(images(3, 227, 227))

    def rest(number: int) -> None:
        both = [lambda: w.lrn(f"norm{number}"), lambda: w.pool(f"pool{number}", 3)]
        for step in reversed(both) if pool_first else both:
            step()

    w.conv("conv1", 96 // width, 11, stride=4)
    rest(1)
    w.conv("conv2", 256 // width, 5, pad=2, group=2)
    rest(2)
    w.conv("conv3", 384 // width, 3, pad=1)
    w.conv("conv4", 384 // width, 3, pad=1, group=2)
    w.conv("conv5", 256 // width, 3, pad=1, group=2)
    w.pool("pool5", 3)
    for number in (6, 7):
        w.dense(f"fc{number}", 4096 // width, relu=True)
        w.dropout(f"drop{number}", 0.5)
    w.dense("fc8", 1000)
    w.add("prob", "Softmax")
    return w.text


def vgg16() -> str:
    """Configuration D of Simonyan and Zisserman."""
    w = Writer(images(3, 224, 224))
    for block, (filters, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for number in range(1, count + 1):
            w.conv(f"conv{block}_{number}", filters, 3, pad=1)
        w.pool(f"pool{block}", 2)
    for number in (6, 7):
        w.dense(f"fc{number}", 4096, relu=True)
        w.dropout(f"drop{number}", 0.5)
    w.dense("fc8", 1000)
    w.add("prob", "Softmax")
    return w.text


INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
"""The numbers of filters of GoogLeNet's modules: 1x1, before 3x3, 3x3, before 5x5, 5x5, after the pooling."""


def googlenet(*, training: bool = True) -> str:
    """bvlc_googlenet, with its two further losses or as it is deployed."""
    fillers = {"weight_filler": {"type": "xavier"}, "bias_filler": {"type": "constant", "value": 0.2}}
    w = Writer(labelled(3, 224, 224), fillers=fillers) if training else Writer(images(3, 224, 224))
    w.conv("conv1/7x7_s2", 64, 7, stride=2, pad=3)
    w.pool("pool1/3x3_s2", 3)
    w.lrn("pool1/norm1")
    w.conv("conv2/3x3_reduce", 64, 1)
    w.conv("conv2/3x3", 192, 3, pad=1)
    w.lrn("conv2/norm2")
    w.pool("pool2/3x3_s2", 3)
    for module, (one, before3, three, before5, five, after) in INCEPTION.items():
        name, start = f"inception_{module}", w.at
        parts = [w.conv(f"{name}/1x1", one, 1, at=start)]
        w.conv(f"{name}/3x3_reduce", before3, 1, at=start)
        parts.append(w.conv(f"{name}/3x3", three, 3, pad=1))
        w.conv(f"{name}/5x5_reduce", before5, 1, at=start)
        parts.append(w.conv(f"{name}/5x5", five, 5, pad=2))
        w.pool(f"{name}/pool", 3, 1, pad=1, at=start)
        parts.append(w.conv(f"{name}/pool_proj", after, 1))
        w.add(f"{name}/output", "Concat", parts)
        if training and module in ("4a", "4d"):
            _further_loss(w, "loss1" if module == "4a" else "loss2")
        if module in ("3b", "4e"):
            w.pool(f"pool{module[0]}/3x3_s2", 3)
    w.add("pool5/7x7_s1", "Pooling", pooling_param={"pool": "AVE", "kernel_size": 7, "stride": 1})
    w.dropout("pool5/drop_7x7_s1", 0.4)
    w.dense("loss3/classifier", 1000)
    if training:
        w.add("loss3/loss3", "SoftmaxWithLoss", [w.at, "label"], loss_weight=1)
    else:
        w.add("prob", "Softmax")
    return w.text


def _further_loss(w: Writer, name: str) -> None:
    start = w.at
    w.add(f"{name}/ave_pool", "Pooling", pooling_param={"pool": "AVE", "kernel_size": 5, "stride": 3})
    w.conv(f"{name}/conv", 128, 1)
    w.dense(f"{name}/fc", 1024, relu=True)
    w.dropout(f"{name}/drop_fc", 0.7)
    w.dense(f"{name}/classifier", 1000)
    w.add(f"{name}/loss", "SoftmaxWithLoss", [w.at, "label"], loss_weight=0.3)
    w.at = start


def resnet50() -> str:
    """ResNet-50 of He et al., as its authors deployed it: with the stride in the first convolution of a block."""
    w = Writer(images(3, 224, 224))
    w.conv("conv1", 64, 7, relu=False, stride=2, pad=3)
    w.in_place("bn_conv1", "BatchNorm", batch_norm_param={"use_global_stats": True})
    w.in_place("scale_conv1", "Scale", scale_param={"bias_term": True})
    w.in_place("conv1_relu", "ReLU")
    w.pool("pool1", 3)
    for stage, (filters, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 2):
        for number in range(count):
            name, start = f"res{stage}{'abcdef'[number]}", w.at
            stride = 2 if number == 0 and stage > 2 else 1
            if number == 0:
                short = w.normalised(f"{name}_branch1", 4 * filters, 1, relu=False, at=start, stride=stride)
            else:
                short = start
            w.normalised(f"{name}_branch2a", filters, 1, at=start, stride=stride)
            w.normalised(f"{name}_branch2b", filters, 3, pad=1)
            w.normalised(f"{name}_branch2c", 4 * filters, 1, relu=False)
            w.add(name, "Eltwise", [short, w.at])
            w.in_place(f"{name}_relu", "ReLU")
    w.add("pool5", "Pooling", pooling_param={"pool": "AVE", "kernel_size": 7, "stride": 1})
    w.dense("fc1000", 1000)
    w.add("prob", "Softmax")
    return w.text


def squeezenet() -> str:
    """SqueezeNet 1.0 of Iandola et al."""
    w = Writer(images(3, 227, 227))
    w.conv("conv1", 96, 7, stride=2)
    w.pool("pool1", 3)
    for number, squeeze in zip(range(2, 10), (16, 16, 32, 32, 48, 48, 64, 64), strict=True):
        name = f"fire{number}"
        start = w.conv(f"{name}/squeeze1x1", squeeze, 1)
        one = w.conv(f"{name}/expand1x1", 4 * squeeze, 1, at=start)
        three = w.conv(f"{name}/expand3x3", 4 * squeeze, 3, pad=1, at=start)
        w.add(f"{name}/concat", "Concat", [one, three])
        if number in (4, 8):
            w.pool(f"pool{number}", 3)
    w.dropout("drop9", 0.5)
    w.conv("conv10", 1000, 1)
    w.average("pool10")
    w.add("prob", "Softmax")
    return w.text


def nin() -> str:
    """Network in Network of Lin et al., for ImageNet."""
    w = Writer(images(3, 224, 224))
    sizes = (
        (96, 96, 11, {"stride": 4}),
        (256, 256, 5, {"pad": 2}),
        (384, 384, 3, {"pad": 1}),
        (1024, 1000, 3, {"pad": 1}),
    )
    for number, (filters, last, kernel, fields) in enumerate(sizes, 1):
        w.conv(f"conv{number}", filters, kernel, **fields)
        w.conv(f"cccp{2 * number - 1}", filters, 1)
        w.conv(f"cccp{2 * number}", last, 1)
        if number < 4:
            w.pool(f"pool{number}", 3)
        if number == 3:
            w.dropout("drop", 0.5)
    w.average("pool4")
    w.add("prob", "Softmax")
    return w.text


def lenet() -> str:
    """Caffe's LeNet for MNIST."""
    w = Writer(images(1, 28, 28))
    for number, filters in ((1, 20), (2, 50)):
        w.conv(f"conv{number}", filters, 5, relu=False)
        w.pool(f"pool{number}", 2)
    w.dense("ip1", 500, relu=True)
    w.dense("ip2", 10)
    w.add("prob", "Softmax")
    return w.text


def lenet_train_test() -> str:
    """Caffe's LeNet as it is trained."""
    text = ""
    for phase, batch in (("TRAIN", 64), ("TEST", 100)):
        data = {"source": f"mnist_{phase.lower()}_lmdb", "batch_size": batch, "backend": "LMDB"}
        text += layer(
            "mnist", "Data", top=["data", "label"], include={"phase": phase}, transform_param={"scale": 0.00390625},
            data_param=data,
        )  # fmt: skip
    w = Writer(text, fillers={"weight_filler": {"type": "xavier"}}, param=[{"lr_mult": 1}, {"lr_mult": 2}])
    for number, filters in ((1, 20), (2, 50)):
        w.conv(f"conv{number}", filters, 5, relu=False)
        w.pool(f"pool{number}", 2)
    w.dense("ip1", 500, relu=True)
    w.dense("ip2", 10)
    w.text += layer("accuracy", "Accuracy", ["ip2", "label"], include={"phase": "TEST"})
    return w.text + layer("loss", "SoftmaxWithLoss", ["ip2", "label"])


LENET_SOLVER = """\
net: "lenet_train_test.prototxt"
test_iter: 100
test_interval: 500
base_lr: 0.01
momentum: 0.9
weight_decay: 0.0005
lr_policy: "inv"
gamma: 0.0001
power: 0.75
display: 100
max_iter: 10000
snapshot: 5000
snapshot_prefix: "lenet"
solver_mode: GPU
"""


def lenet_blobs() -> dict[str, list[Array]]:
    """Weights of LeNet that were not trained."""
    rng = np.random.default_rng(0)
    shapes = {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800), "ip2": (10, 500)}
    return {
        name: [rng.normal(0, 0.05, size).astype(np.float32) for size in (shape, shape[:1])]
        for name, shape in shapes.items()
    }


def cifar10_full() -> str:
    """Caffe's translation of cuda-convnet's network for CIFAR-10."""
    w = Writer(images(3, 32, 32))
    within = {"local_size": 3, "alpha": 5e-5, "norm_region": "WITHIN_CHANNEL"}
    w.conv("conv1", 32, 5, relu=False, pad=2)
    w.pool("pool1", 3)
    w.in_place("relu1", "ReLU")
    w.lrn("norm1", **within)
    w.conv("conv2", 32, 5, pad=2)
    w.pool("pool2", 3, pool="AVE")
    w.lrn("norm2", **within)
    w.conv("conv3", 64, 5, pad=2)
    w.pool("pool3", 3, pool="AVE")
    w.dense("ip1", 10)
    w.add("prob", "Softmax")
    return w.text


def mobilenet() -> str:
    """MobileNet of Howard et al."""
    w = Writer(images(3, 224, 224))
    w.normalised("conv1", 32, 3, stride=2, pad=1)
    before = 32
    pairs = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
    for number, (filters, stride) in enumerate(pairs, 2):
        w.normalised(f"conv{number}/dw", before, 3, stride=stride, pad=1, group=before)
        w.normalised(f"conv{number}/sep", filters, 1)
        before = filters
    w.average("pool6")
    w.conv("fc7", 1000, 1, relu=False)
    w.add("prob", "Softmax")
    return w.text
