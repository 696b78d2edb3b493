"""Noise drawn from counters: the hash, the distribution, and independence of how work is divided."""

from __future__ import annotations

import math
from hashlib import sha256

import pytest
import torch
from by_hand import WORDS, hash_word

import netspec
from netspec import backend
from netspec.ir.ops import NoisyRelu

pytorch = backend.load("pytorch")


def expected_noise(shape: tuple[int, int], name: str, seed: int, step: int, first: int) -> list[list[float]]:
    """Return the Box-Muller transform of two words per unit, computed with Python's numbers."""
    digest = sha256(f"{seed}:{step}:{name}".encode()).digest()
    keys = [int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4)]

    def word(n: int, unit: int, row_key: int, unit_key: int) -> int:
        return hash_word((hash_word((row_key + first + n) % WORDS) + hash_word((unit_key + unit) % WORDS)) % WORDS)

    def normal(n: int, unit: int) -> float:
        radius = math.sqrt(-2 * math.log((word(n, unit, *keys[:2]) + 0.5) / WORDS))
        return radius * math.cos(2 * math.pi * word(n, unit, *keys[2:]) / WORDS)

    return [[normal(n, unit) for unit in range(shape[1])] for n in range(shape[0])]


def layer(state: object, std: float = 1.0) -> torch.nn.Module:
    module = pytorch.TABLE[NoisyRelu](NoisyRelu(std), ())
    module.name, module.random_state = "act", state
    return module


def test_noise_follows_the_documented_hash() -> None:
    output = layer(pytorch.RandomState(7, 11, 5), 0.1)(torch.full((4, 9), 3.0, dtype=torch.float64))
    noise = torch.tensor(expected_noise((4, 9), "act", 7, 11, 5), dtype=torch.float64)
    torch.testing.assert_close(output, (3 + 0.1 * 3 * noise).clamp(min=0))


def test_noise_of_the_least_word_is_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 4 billion words is 0, whose logarithm is not."""
    monkeypatch.setattr(
        "netspec.backends.pytorch.ops.counter_rng.random_words",
        lambda x, *_, **__: torch.zeros(x.shape, dtype=torch.int64),
    )
    noise = layer(pytorch.RandomState(0, 0)).normals(torch.ones(1, dtype=torch.float64))
    assert noise.tolist() == pytest.approx([math.sqrt(-2 * math.log(0.5 / WORDS))])


def test_noise_is_standard_normal() -> None:
    """For 1,000,000 numbers, the mean has a standard deviation of 0.001, and the fractions below each limit have
    standard deviations of at most 0.0005."""
    noise = layer(pytorch.RandomState(0, 0)).normals(torch.ones(1000, 1000))
    assert abs(float(noise.mean())) < 0.005
    assert abs(float(noise.std()) - 1) < 0.004
    for limit in (-2.0, -1.0, 0.0, 0.5, 1.5):
        assert abs(float((noise < limit).double().mean()) - (1 + math.erf(limit / math.sqrt(2))) / 2) < 0.0025


def test_noise_scales_with_the_value_but_not_the_gradient() -> None:
    x = torch.tensor([[-1.0, 2.0, 4.0]] * 500, dtype=torch.float64, requires_grad=True)
    y = layer(pytorch.RandomState(0, 0))(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, (y > 0).double())
    assert not y[:, 0].any() and (y >= 0).all()
    assert 0.1 < float((y[:, 1:] == 0).double().mean()) < 0.22  # z < -1 has a probability of 0.16
    assert float(y.detach()[:, 2].std() / y.detach()[:, 1].std()) == pytest.approx(2, rel=0.15)


def test_shares_of_batch_or_units_have_the_same_noise() -> None:
    whole = layer(pytorch.RandomState(3, 8))(torch.ones(6, 4, 2, 2))
    assert torch.equal(layer(pytorch.RandomState(3, 8, first_sample=4))(torch.ones(2, 4, 2, 2)), whole[4:])
    share = layer(pytorch.RandomState(3, 8))
    share.first_unit = 2 * 2 * 2
    assert torch.equal(share(torch.ones(6, 2, 2, 2)), whole[:, 2:])


def test_model_outside_training_uses_torchs_generator_until_set_random_state() -> None:
    model = netspec.torch_module(netspec.loads("[image] input 100\n[fc] fc outputs=100 neuron=nrelu\n")).eval()
    x = torch.randn(3, 100)
    torch.manual_seed(1)
    first = model(x)
    assert not torch.equal(model(x), first)
    torch.manual_seed(1)
    assert torch.equal(model(x), first)
    pytorch.set_random_state(model, pytorch.evaluation_random_state(0))
    counted = model(x)
    assert torch.equal(model(x), counted)
    pytorch.set_random_state(model, pytorch.evaluation_random_state(0, view=1))
    assert not torch.equal(model(x), counted)


def test_noise_of_std_0_leaves_a_relu() -> None:
    x = torch.randn(3, 100)
    assert torch.equal(layer(None, 0.0)(x), x.relu())


def test_empty_batch_gives_an_empty_output() -> None:
    assert layer(pytorch.RandomState(0, 0))(torch.ones(0, 4, 2, 2)).shape == (0, 4, 2, 2)
