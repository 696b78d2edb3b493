"""Layers whose weights start as 0: those that the checker warns of never learn in PyTorch, and the others do."""

from __future__ import annotations

import pytest
import torch

import netspec

HEAD = "[i] input 2x4x4\n"
TAIL = "[f] fc outputs=3\n[s] softmax\n"
ZERO = "conv filters=2 kernel=3 pad=1 init=constant(0)"

NETWORKS = {
    "last": (f"{HEAD}[a] fc outputs=3 init=constant(0)\n[s] softmax\n", False),
    "in the middle": (f"{HEAD}[a] {ZERO} neuron=linear\n[c] conv filters=2 kernel=3\n{TAIL}", False),
    "before a tanh": (f"{HEAD}[a] {ZERO} neuron=tanh\n{TAIL}", False),
    "before a ReLU": (f"{HEAD}[a] {ZERO} neuron=relu\n{TAIL}", True),
    "before a ReLU with biases": (f"{HEAD}[a] {ZERO} bias=0.5 neuron=relu\n{TAIL}", False),
    "before a ReLU of another layer": (
        f"{HEAD}[a] {ZERO} neuron=linear\n[c] conv filters=2 kernel=3 neuron=relu\n{TAIL}",
        True,
    ),
    "normalised": (f"{HEAD}[a] {ZERO}\n[b] batchnorm neuron=relu\n{TAIL}", True),
    "normalised, with biases": (
        f"{HEAD}[a] {ZERO}\n[b] batchnorm\n[c] affine bias=0.5 neuron=relu\n{TAIL}",
        False,
    ),
    "beside a shortcut": (f"{HEAD}[a] {ZERO}\n[b] batchnorm\n[c] sum inputs=i,b neuron=relu\n{TAIL}", False),
    "below zeros": (f"{HEAD}[a] {ZERO} neuron=linear\n[f] fc outputs=3 init=constant(0)\n[s] softmax\n", True),
    "below zeros, beside others": (
        f"{HEAD}[a] {ZERO}\n[c] concat inputs=i,a\n[f] fc outputs=3 init=constant(0)\n[s] softmax\n",
        True,
    ),
    "below zeros, with others": (
        f"{HEAD}[a] {ZERO}\n[c] sum inputs=i,a\n[f] fc outputs=3 init=constant(0)\n[s] softmax\n",
        False,
    ),
    "beside others": (
        f"{HEAD}[a] {ZERO}\n[c] concat inputs=i,a\n[d] conv filters=2 kernel=3 neuron=relu\n{TAIL}",
        False,
    ),
    "beside others, before a ReLU": (f"{HEAD}[a] {ZERO}\n[c] concat inputs=i,a neuron=relu\n{TAIL}", True),
    "multiplied": (f"{HEAD}[a] {ZERO}\n[c] product inputs=i,a\n{TAIL}", False),
    "multiplied by zeros": (f"{HEAD}[a] {ZERO}\n[b] {ZERO} inputs=i\n[c] product inputs=a,b\n{TAIL}", True),
    "squared": (f"{HEAD}[a] {ZERO} neuron=square\n{TAIL}", True),
    "a gate": (f"{HEAD}[a] {ZERO} neuron=logistic\n[c] product inputs=i,a\n{TAIL}", False),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_zeros_never_learn_where_the_checker_says_so(name: str) -> None:
    text, dead = NETWORKS[name]
    net = netspec.loads(text)
    assert [(w.code, w.layer) for w in net.warnings] == ([("signal-vanishes", "a")] if dead else [])
    module = netspec.torch_module(net, seed=1).train()
    drawn = torch.Generator().manual_seed(1)
    images, classes = torch.rand(8, 2, 4, 4, generator=drawn), torch.arange(8) % 3
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(module(images).log(), classes).backward()
        optimizer.step()
    weights = dict(module.named_parameters())["a.weight"]
    assert bool((weights == 0).all()) == dead
