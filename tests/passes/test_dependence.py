"""Which values depend on parameters, and which parameters the loss depends on."""

from __future__ import annotations

from checking import valid_net

from netspec.passes.dependence import trained_parameters, with_gradient


def test_with_gradient_lists_values_that_depend_on_parameters() -> None:
    """``p`` reads only the image; ``f`` has weights, ``r`` reads ``f``, and ``s`` reads both ``p`` and ``r``."""
    graph = valid_net(
        "[image] input 2x4x4\n[p] maxpool kernel=1\n[f] conv inputs=image filters=2 kernel=1 neuron=relu\n"
        "[r] maxpool kernel=1\n[s] sum inputs=p,r\n[out] fc outputs=2\n"
    ).graph
    assert with_gradient(graph) == {"f:conv", "f", "r", "s", "out"}


def test_parameters_that_no_loss_depends_on_are_not_trained() -> None:
    text = (
        "[image] input 2x4x4\n[a] conv filters=2 kernel=1\n{loss}[f] fc inputs=a outputs=3\n[p] softmax\n"
        "[aside] fc inputs=a outputs=2\n[end] max inputs=p,f\n"
    )
    weights = {"a.weight", "a.bias", "f.weight", "f.bias"}
    assert {p.key for p in trained_parameters(valid_net(text.format(loss="")).graph)} == weights
    explicit_loss = valid_net(text.format(loss="[s] sumsquares\n")).graph
    assert {p.key for p in trained_parameters(explicit_loss)} == {"a.weight", "a.bias"}


def test_shared_matrix_is_trained_if_any_of_its_layers_reaches_a_loss() -> None:
    graph = valid_net(
        "[image] input 3\n[own] fc outputs=3\n[user] fc inputs=image outputs=3 weights=own\n[s] sumsquares\n"
        "[end] fc inputs=own outputs=2\n"
    ).graph
    assert {p.key for p in trained_parameters(graph)} == {"own.weight", "user.bias"}
