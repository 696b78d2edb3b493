"""Which values depend on parameters, and on which of them the loss."""

from __future__ import annotations

from checking import good

from netspec.passes.dependence import trained_parameters, with_gradient


def test_what_comes_before_the_first_weights_depends_on_none() -> None:
    """``f`` multiplies, ``r`` reads what it made; ``p`` beside it reads the image alone, and ``s`` both."""
    graph = good(
        "[image] input 2x4x4\n[p] maxpool kernel=1\n[f] conv inputs=image filters=2 kernel=1 neuron=relu\n"
        "[r] maxpool kernel=1\n[s] sum inputs=p,r\n[out] fc outputs=2\n"
    ).graph
    assert with_gradient(graph) == {"f:conv", "f", "r", "s", "out"}


def test_trained_is_what_a_loss_is_computed_from() -> None:
    text = (
        "[image] input 2x4x4\n[a] conv filters=2 kernel=1\n{loss}[f] fc inputs=a outputs=3\n[p] softmax\n"
        "[aside] fc inputs=a outputs=2\n[end] max inputs=p,f\n"
    )
    weights = {"a.weight", "a.bias", "f.weight", "f.bias"}
    assert {p.key for p in trained_parameters(good(text.format(loss="")).graph)} == weights
    alone = good(text.format(loss="[s] sumsquares\n")).graph
    assert {p.key for p in trained_parameters(alone)} == {"a.weight", "a.bias"}


def test_a_matrix_that_a_loss_depends_on_is_trained_whoever_owns_it() -> None:
    graph = good(
        "[image] input 3\n[own] fc outputs=3\n[user] fc inputs=image outputs=3 weights=own\n[s] sumsquares\n"
        "[end] fc inputs=own outputs=2\n"
    ).graph
    assert {p.key for p in trained_parameters(graph)} == {"own.weight", "user.bias"}
