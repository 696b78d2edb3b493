"""The sections of single layers in cuda-convnet's files."""

from __future__ import annotations

import pytest
from checking import refused
from round_trip import BACKEND, assert_same_net, reimported

from netspec.net import loads


@pytest.mark.parametrize(
    ("layer", "section", "scale"),
    [
        ("rnorm size=3 k=1", "type=rnorm\ninputs=c\nchannels=16\nsize=3\n", "scale=0.0009\n"),
        ("contrast size=3 k=1", "type=cnorm\ninputs=c\nchannels=16\nsize=3\n", "scale=0.0009\n"),
        ("lrn size=5 k=2", "type=cmrnorm\ninputs=c\nchannels=16\nsize=5\n", "scale=0.0005\n"),
        # Windows of 2 x 4 - 1 channels cover the 4 of a group, which the original calls a block.
        ("lrn groups=4 size=7 k=2", "type=cmrnorm\ninputs=c\nchannels=16\nblocked=true\nsize=4\n", "scale=0.0004\n"),
    ],
)
def test_sections_of_normalisations(layer: str, section: str, scale: str) -> None:
    """The original divides ``scale`` by the number of values in a window."""
    net = loads(
        "net x rounding=up\n[image] input 3x12x12 range=255 mean=image\n"
        "[c] conv filters=16 kernel=3 init=gaussian(0.1)\n"
        f"[n] {layer} alpha=1e-4 beta=0.75\n[out] fc outputs=10 init=gaussian(0.1)\n[prob] softmax\n"
    )
    files = BACKEND.emit(net)
    assert f"[n]\n{section}" in files.layers and f"[n]\n{scale}" in files.params
    assert_same_net(net, reimported(files, net.graph))


def test_reshaped_shares_of_gpus_are_read_as_maps_of_the_other_size() -> None:
    files = BACKEND.emit(
        loads(
            "net x rounding=up\ngpus 2\n[image] input 3x8x8 range=255 mean=image\n"
            "[c] conv filters=32 kernel=1 init=gaussian(0.1)\n[r] reshape size=128x4x4\n"
            "[d] conv filters=32 kernel=3 init=gaussian(0.1) reads=all\n"
            "[out] fc outputs=10 gpu=0 init=gaussian(0.1)\n[prob] softmax\n"
        )
    )
    assert "[c-all]\ntype=concat\ninputs=ca,cb\n" in files.layers
    assert "[db]\ntype=conv\ninputs=c-all\nchannels=128\n" in files.layers


def test_spread_channels_become_random_ones_with_a_warning() -> None:
    """Of 16 channels in 4 groups, a filter reads 2 x 4."""
    net = loads(
        "net x rounding=up\n[image] input 3x12x12 range=255 mean=image\n"
        "[c] conv filters=16 kernel=3 init=gaussian(0.1)\n"
        "[d] conv filters=64 kernel=3 groups=4 spread=2 init=gaussian(0.1)\n"
        "[out] fc outputs=10 init=gaussian(0.1)\n[prob] softmax\n"
    )
    files = BACKEND.emit(net)
    assert "groups=4\nrandSparse=true\nfilterChannels=8\n" in files.layers
    assert [(w.code, w.span.text) for w in files.warnings] == [("left-out-of-cfg", "spread=2")]
    assert_same_net(net, reimported(files, net.graph))
    error = refused(BACKEND.emit, net, "v2")
    assert (error.span.text, error.notes) == ("spread=2", ("alternatives: --dialect 2012",))
