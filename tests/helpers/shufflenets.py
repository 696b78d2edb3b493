"""ShuffleNets as specs, of any width and size of image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def shufflenet(groups: int, widths: Sequence[int], image: int = 224, classes: int = 1000) -> str:
    """Return a ShuffleNet (Zhang et al., 2018, table 1 and figure 2) with these channels in its three stages."""
    lines = _head(f"shufflenet-g{groups}", image)
    above, read = "pool1", 24
    for stage, (width, repeats) in enumerate(zip(widths, (4, 8, 4), strict=True), 2):
        for unit in range(1, repeats + 1):
            name, stride, inner = f"{stage}-{unit}", 2 if unit == 1 else 1, width // 4
            first = 1 if read == 24 else groups  # the first convolution of few channels is not in groups
            made = width - read if stride == 2 else width
            lines += [
                f"[a{name}] conv filters={inner} kernel=1 groups={first} inputs={above}",
                f"[bn{name}a] batchnorm neuron=relu",
                f"[mixed{name}] shuffle groups={groups}",
                f"[dw{name}] conv filters={inner} kernel=3 pad=1 stride={stride} groups={inner}",
                f"[bn{name}dw] batchnorm",
                f"[b{name}] conv filters={made} kernel=1 groups={groups}",
                f"[bn{name}b] batchnorm",
            ]
            if stride == 2:
                lines.append(f"[short{name}] avgpool kernel=3 stride=2 pad=1 inputs={above}")
                lines.append(f"[s{name}] concat inputs=short{name},bn{name}b neuron=relu")
            else:
                lines.append(f"[s{name}] sum inputs={above},bn{name}b neuron=relu")
            above, read = f"s{name}", width
    return "\n".join([*lines, *_tail(classes)])


def shufflenet_v2(widths: Sequence[int], image: int = 224, classes: int = 1000) -> str:
    """Return a ShuffleNet v2 (Ma et al., 2018, table 5 and figure 3) with these channels in its three stages and its
    last convolution. Layers stand in the order of torchvision's modules."""
    lines = _head("shufflenet-v2", image)
    above = "pool1"
    for stage, (width, repeats) in enumerate(zip(widths[:3], (4, 8, 4), strict=True), 2):
        for unit in range(1, repeats + 1):
            name, half = f"{stage}-{unit}", width // 2
            if unit == 1:
                read = 24 if stage == 2 else widths[stage - 3]
                lines += [f"[short{name}dw] conv filters={read} kernel=3 stride=2 pad=1 groups={read} inputs={above}"]
                lines += [f"[bn{name}sdw] batchnorm", f"[short{name}] conv filters={half} kernel=1"]
                lines += [f"[kept{name}] batchnorm neuron=relu"]
                lines += _branch(name, half, 2, above)
            else:
                lines += [f"[kept{name}] slice channels={half} inputs={above}"]
                lines += [f"[read{name}] slice channels={half} first={half} inputs={above}"]
                lines += _branch(name, half, 1, f"read{name}")
            lines += [f"[both{name}] concat inputs=kept{name},bn{name}b", f"[s{name}] shuffle groups=2"]
            above = f"s{name}"
    lines += [f"[conv5] conv filters={widths[3]} kernel=1", "[bn5] batchnorm neuron=relu"]
    return "\n".join([*lines, *_tail(classes)])


def _branch(name: str, half: int, stride: int, above: str) -> Iterator[str]:
    yield f"[a{name}] conv filters={half} kernel=1 inputs={above}"
    yield f"[bn{name}a] batchnorm neuron=relu"
    yield f"[dw{name}] conv filters={half} kernel=3 stride={stride} pad=1 groups={half}"
    yield f"[bn{name}dw] batchnorm"
    yield f"[b{name}] conv filters={half} kernel=1"
    yield f"[bn{name}b] batchnorm neuron=relu"


def _head(name: str, image: int) -> list[str]:
    return [
        f"net {name} rounding=down", "default conv bias=none", f"[image] input 3x{image}x{image}",
        "[conv1] conv filters=24 kernel=3 stride=2 pad=1", "[bn1] batchnorm neuron=relu",
        "[pool1] maxpool kernel=3 stride=2 pad=1",
    ]  # fmt: skip


def _tail(classes: int) -> list[str]:
    return ["[pool] avgpool kernel=global", f"[fc] fc outputs={classes}", "[prob] softmax", ""]
