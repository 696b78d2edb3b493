"""Which values depend on parameters."""

from __future__ import annotations

from checking import good

from netspec.passes.dependence import learning


def test_what_comes_before_the_first_weights_depends_on_none() -> None:
    """``f`` multiplies, ``r`` reads what it made; ``p`` beside it reads the image alone, and ``s`` both."""
    graph = good(
        "[image] input 2x4x4\n[p] maxpool kernel=1\n[f] conv inputs=image filters=2 kernel=1 neuron=relu\n"
        "[r] maxpool kernel=1\n[s] sum inputs=p,r\n[out] fc outputs=2\n"
    ).graph
    assert learning(graph) == {"f:conv", "f", "r", "s", "out"}
