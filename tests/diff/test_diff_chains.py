"""Comparisons of random chains of layers."""

from __future__ import annotations

import numpy as np
from comparing_nets import all_facts
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from netspec import backend
from netspec.diff import compare, gravest
from netspec.diff.matched import match
from netspec.net import Net, loads

NEURONS = st.sampled_from(["linear", "relu", "tanh"])
LAYERS = {
    "conv1": st.builds("conv filters=4 kernel=3 pad=1 neuron={}".format, NEURONS),
    "act1": st.sampled_from(["relu", "tanh", "linear", "tanh a=-1"]),
    "pool1": st.builds("maxpool kernel=2 stride=1 neuron={}".format, NEURONS),
    "mean1": st.builds("avgpool kernel=2 stride=1 neuron={}".format, NEURONS),
    "drop1": st.builds("dropout rate=0.5 scaling={}".format, st.sampled_from(["train", "test"])),
    "norm1": st.just("lrn size=3 alpha=1"),
    "pool2": st.just("maxpool kernel=2 stride=1"),
    "conv2": st.just("conv filters=4 kernel=1 neuron=relu"),
    "extra": st.sampled_from(["relu", "maxpool kernel=2 stride=1", "dropout"]),
}
CHAINS = (
    st.lists(st.sampled_from(sorted(LAYERS)), unique=True)
    .flatmap(lambda names: st.tuples(*(st.tuples(st.just(name), LAYERS[name]) for name in names)))
    .map(lambda layers: "[image] input 4x9x9\n" + "".join(f"[{n}] {t}\n" for n, t in layers) + "[out] fc outputs=3\n")
)


def run(net: Net, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Run a network on fixed random images and return its output."""
    x = np.random.default_rng(3).normal(0.0, 2.0, (2, *net.graph.input.output))
    return backend.load("reference").run(net.graph, weights, x).values[net.graph.output.name]


@given(CHAINS, CHAINS)
@examples(40)
def test_comparison_of_random_chains_agrees_with_their_outputs(a: str, b: str) -> None:
    nets = loads(a), loads(b)
    forward, backward = compare(*nets), compare(nets[1], nets[0])
    assert all_facts(forward, mirrored=True) == all_facts(backward)
    assert forward.same == (a == b)
    effect = gravest(*(d.effect for d in forward.each()))
    assert (effect == "function") == (forward.function == backward.function == "other")
    if forward.function == "same":
        pairs = match(*nets).pairs
        rng = np.random.default_rng(4)
        left = {key: rng.normal(0.1, 0.4, p.shape) for key, p in nets[0].graph.parameters.items()}
        owners = {key: pairs[p.layer] for key, p in nets[0].graph.parameters.items()}
        right = {owners[key] + key[key.index(".") :]: w for key, w in left.items()}
        assert np.allclose(run(nets[0], left), run(nets[1], right), rtol=1e-9, atol=1e-12)


@given(CHAINS)
@examples(20)
def test_random_chain_equals_itself(text: str) -> None:
    assert compare(loads(text), loads(text)).same
