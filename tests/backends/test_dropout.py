"""Dropout drawn from counters: the hash, its statistics, and independence of how work is divided."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from typing import Any

import pytest
import torch
from by_hand import WORDS, hash_word

import netspec
from netspec import backend
from netspec.ir.ops import Dropout, DropoutOver
from netspec.ir.shape import Shape

pytorch = backend.load("pytorch")
counter_rng = import_module("netspec.backends.pytorch.ops.counter_rng")
least_kept = import_module("netspec.backends.pytorch.ops.dropout").least_kept


def expected_mask(shape: tuple[int, int], rate: float, name: str, seed: int, step: int, first: int) -> list[list[bool]]:
    digest = sha256(f"{seed}:{step}:{name}".encode()).digest()
    row, unit = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
    return [
        [
            hash_word((hash_word((row + first + n) % WORDS) + hash_word((unit + u) % WORDS)) % WORDS) >= rate * WORDS
            for u in range(shape[1])
        ]
        for n in range(shape[0])
    ]


def layer(rate: float, scaling: Any, state: object, over: DropoutOver = "units", *dims: int) -> torch.nn.Module:
    module: torch.nn.Module = backend.load("pytorch").TABLE[Dropout](Dropout(rate, scaling, over), (Shape(*dims),))
    module.name, module.random_state = "drop6", state
    return module


def test_choices_follow_the_documented_hash() -> None:
    output = layer(0.3, "test", pytorch.RandomState(7, 11, 5))(torch.ones(4, 9))
    assert output.tolist() == expected_mask((4, 9), 0.3, "drop6", 7, 11, 5)


@pytest.mark.parametrize("rate", [0.0, 1e-12, 0.1, 0.25, 0.3, 0.5, 0.9, 1 - 2**-24, 1 - 2**-30])
def test_words_near_the_rate_are_compared_as_in_float32(rate: float) -> None:
    """Earlier releases compared 64-bit words with the rate in float32; rounding must give the same choices."""
    least = least_kept(rate)
    words = torch.arange(max(0, least - 300), min(WORDS, least + 300))
    assert torch.equal(words >= least, words >= rate * WORDS)
    assert (least == 0) == (rate == 0)
    assert least < WORDS


def test_layer_can_be_made_on_the_meta_device() -> None:
    with torch.device("meta"):
        module = layer(0.3, "test", pytorch.RandomState(7, 11, 5))
    assert module(torch.ones(4, 9)).tolist() == expected_mask((4, 9), 0.3, "drop6", 7, 11, 5)


def test_rate_0_keeps_everything() -> None:
    x = torch.randn(2, 3)
    for scaling in ("train", "test"):
        assert torch.equal(layer(0.0, scaling, pytorch.RandomState(7, 11))(x), x)


def test_hash_of_signed_words_equals_unsigned_arithmetic() -> None:
    words = torch.tensor([0, 1, 2**31 - 1, 2**31, 2**32 - 1, *range(12345, 2**32, 2**27 + 1)])
    hashed = counter_rng.hash_words(words.int()).long() & (WORDS - 1)
    assert hashed.tolist() == [hash_word(word) for word in words.tolist()]


def test_fraction_of_kept_units_is_close_to_its_expectation() -> None:
    # 1,000,000 units, each kept with probability 0.7: the mean has a standard deviation of 0.00046.
    module = layer(0.3, "train", pytorch.RandomState(0, 0))
    output = module(torch.ones(1000, 1000))
    assert abs(float((output > 0).double().mean()) - 0.7) < 0.0023
    assert output.max() == pytest.approx(1 / 0.7)
    for axis in (0, 1):  # means of rows and columns of 1,000 units have a standard deviation of 0.0145
        assert float(((output > 0).double().mean(axis) - 0.7).abs().max()) < 0.0145 * 5


def test_neighbouring_units_and_steps_are_independent() -> None:
    first, second = (layer(0.5, "test", pytorch.RandomState(0, step))(torch.ones(500, 500)) for step in (0, 1))
    for other in (second, first.roll(1, 0), first.roll(1, 1), first.T):
        assert abs(float((first == other).double().mean()) - 0.5) < 0.005


def test_shares_of_batch_or_units_keep_the_same_units() -> None:
    whole = layer(0.5, "test", pytorch.RandomState(3, 8))(torch.ones(6, 4, 2, 2))
    late = layer(0.5, "test", pytorch.RandomState(3, 8, first_sample=4))(torch.ones(2, 4, 2, 2))
    assert torch.equal(late, whole[4:])
    share = layer(0.5, "test", pytorch.RandomState(3, 8))
    share.take_share(1, 2 * 2 * 2)
    assert torch.equal(share(torch.ones(6, 2, 2, 2)), whole[:, 2:])


@pytest.mark.parametrize(("over", "choices"), [("channels", (4, 6, 1, 1)), ("images", (4, 1, 1, 1))])
def test_whole_channels_and_images_are_dropped_by_the_documented_hash(
    over: DropoutOver, choices: tuple[int, ...]
) -> None:
    state = pytorch.RandomState(7, 11, 5)
    output = layer(0.3, "test", state, over, 6, 3, 2)(torch.ones(4, 6, 3, 2))
    expected = torch.tensor(expected_mask((4, choices[1]), 0.3, "drop6", 7, 11, 5))
    assert 0 < int(expected.sum()) < expected.numel()
    assert torch.equal(output, expected.view(choices).expand(4, 6, 3, 2).float())
    vector = layer(0.3, "train", state, over, 6)(torch.ones(4, 6))
    torch.testing.assert_close(vector, expected.expand(4, 6) / 0.7)
    share = layer(0.3, "test", state, over, 2, 3, 2)
    share.take_share(2, 2 * 3 * 2)
    assert torch.equal(share(torch.ones(4, 2, 3, 2)), output[:, 4:])


@pytest.mark.parametrize("over", ["channels", "images"])
def test_torchs_generator_also_drops_whole_channels_and_images(over: DropoutOver) -> None:
    output = layer(0.5, "train", None, over, 20, 3, 2)(torch.ones(50, 20, 3, 2)).flatten(2)
    kept = output.amax(2)
    assert torch.equal(output, kept[:, :, None].expand(50, 20, 6))
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(kept, kept[:, :1].expand(50, 20)) == (over == "images")
    assert abs(float(kept.mean()) - 1) < 0.6  # of 50 images: its standard deviation is 0.14


def test_model_uses_torchs_generator_until_set_random_state() -> None:
    net = netspec.loads("net n\n[image] input 100\n[fc] fc outputs=100\n[drop] dropout rate=0.5\n")
    model, x = netspec.torch_module(net).train(), torch.randn(3, 100)
    torch.manual_seed(1)
    first = model(x)
    assert not torch.equal(model(x), first)
    torch.manual_seed(1)
    assert torch.equal(model(x), first)
    pytorch.set_random_state(model, pytorch.RandomState(0, 0))
    counted = model(x)
    assert torch.equal(model(x), counted)
    pytorch.set_random_state(model, pytorch.RandomState(0, 1))
    assert not torch.equal(model(x), counted)
    assert torch.equal(model.eval()(x), model.fc(x))
