"""Dropout that is drawn from counters: which units, how many, and that no arrangement changes them."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module

import pytest
import torch
from by_hand import WORD, mixed

import netspec
from netspec import backend
from netspec.ir.ops import Dropout

pytorch = backend.load("pytorch")
chance = import_module("netspec.backends.pytorch.ops.chance")
least_kept = import_module("netspec.backends.pytorch.ops.dropout").least_kept


def by_hand(shape: tuple[int, int], rate: float, name: str, seed: int, step: int, first: int) -> list[list[bool]]:
    digest = sha256(f"{seed}:{step}:{name}".encode()).digest()
    row, unit = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
    return [
        [
            mixed((mixed((row + first + n) % WORD) + mixed((unit + u) % WORD)) % WORD) >= rate * WORD
            for u in range(shape[1])
        ]
        for n in range(shape[0])
    ]


def layer(rate: float, scaling: str, draw: object) -> torch.nn.Module:
    module = backend.load("pytorch").TABLE[Dropout](Dropout(rate, scaling), ())
    module.name, module.draw = "drop6", draw
    return module


def test_the_choices_are_the_hash_that_is_documented() -> None:
    found = layer(0.3, "test", pytorch.Draw(7, 11, 5))(torch.ones(4, 9))
    assert found.tolist() == by_hand((4, 9), 0.3, "drop6", 7, 11, 5)


@pytest.mark.parametrize("rate", [0.0, 1e-12, 0.1, 0.25, 0.3, 0.5, 0.9, 1 - 2**-24, 1 - 2**-30])
def test_words_about_the_rate_are_compared_in_float32_as_those_of_64_bits_were(rate: float) -> None:
    """Runs of every release draw alike: of the words within 2^-25 of the rate those count that are rounded to it."""
    least = least_kept(rate)
    near = torch.arange(max(0, least - 300), min(WORD, least + 300))
    assert torch.equal(near >= least, near >= rate * WORD)
    assert (least == 0) == (rate == 0)
    assert least < WORD


def test_a_model_can_be_made_where_no_tensor_has_numbers() -> None:
    with torch.device("meta"):
        module = layer(0.3, "test", pytorch.Draw(7, 11, 5))
    assert module(torch.ones(4, 9)).tolist() == by_hand((4, 9), 0.3, "drop6", 7, 11, 5)


def test_at_a_rate_of_0_everything_is_kept() -> None:
    x = torch.randn(2, 3)
    for scaling in ("train", "test"):
        assert torch.equal(layer(0.0, scaling, pytorch.Draw(7, 11))(x), x)


def test_words_of_32_bits_are_those_that_are_worked_out_without_a_sign() -> None:
    given = torch.tensor([0, 1, 2**31 - 1, 2**31, 2**32 - 1, *range(12345, 2**32, 2**27 + 1)])
    found = chance.hash_words(given.int()).long() & (WORD - 1)
    assert found.tolist() == [mixed(word) for word in given.tolist()]


def test_about_as_many_are_kept_as_should_be() -> None:
    # 1,000,000 units, each kept with probability 0.7: a standard deviation is 0.00046.
    module = layer(0.3, "train", pytorch.Draw(0, 0))
    found = module(torch.ones(1000, 1000))
    assert abs(float((found > 0).double().mean()) - 0.7) < 0.0023
    assert found.max() == pytest.approx(1 / 0.7)
    for axis in (0, 1):  # of rows and columns of 1,000, with 0.0145 each
        assert float(((found > 0).double().mean(axis) - 0.7).abs().max()) < 0.0145 * 5


def test_neighbours_and_steps_are_independent() -> None:
    first, second = (layer(0.5, "test", pytorch.Draw(0, step))(torch.ones(500, 500)) for step in (0, 1))
    for other in (second, first.roll(1, 0), first.roll(1, 1), first.T):
        assert abs(float((first == other).double().mean()) - 0.5) < 0.005


def test_a_share_of_the_batch_or_of_the_units_keeps_what_the_whole_keeps() -> None:
    whole = layer(0.5, "test", pytorch.Draw(3, 8))(torch.ones(6, 4, 2, 2))
    late = layer(0.5, "test", pytorch.Draw(3, 8, first_sample=4))(torch.ones(2, 4, 2, 2))
    assert torch.equal(late, whole[4:])
    share = layer(0.5, "test", pytorch.Draw(3, 8))
    share.first_unit = 2 * 2 * 2
    assert torch.equal(share(torch.ones(6, 2, 2, 2)), whole[:, 2:])


def test_a_model_draws_from_torch_until_it_is_told_to_count() -> None:
    net = netspec.loads("net n\n[image] input 100\n[fc] fc outputs=100\n[drop] dropout rate=0.5\n")
    model, x = netspec.torch_module(net).train(), torch.randn(3, 100)
    torch.manual_seed(1)
    first = model(x)
    assert not torch.equal(model(x), first)
    torch.manual_seed(1)
    assert torch.equal(model(x), first)
    pytorch.set_draw(model, pytorch.Draw(0, 0))
    counted = model(x)
    assert torch.equal(model(x), counted)
    pytorch.set_draw(model, pytorch.Draw(0, 1))
    assert not torch.equal(model(x), counted)
    assert torch.equal(model.eval()(x), model.fc(x))
