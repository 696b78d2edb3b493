"""The warnings that know convnets: each where it belongs, none where it does not, and each silenced by its code."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from netspec.check.signal import strengths

SPECS = Path(__file__).parent.parent.parent / "specs"

TRAPS = {
    "unread-pixels": (
        "[i] input 3x32x32\n[c] conv filters=4 kernel=4 stride=3 rounding=down\n",
        "[i] input 3x31x31\n[c] conv filters=4 kernel=4 stride=3 rounding=down\n",
        (2, 20),
    ),
    "relu-on-scores": (
        "[i] input 8\n[f] fc outputs=4 neuron=relu\n[s] softmax\n",
        "[i] input 8\n[f] fc outputs=4 neuron=relu\n[g] fc outputs=4\n[s] softmax\n",
        (2, 18),
    ),
    "softmax-twice": (
        "[i] input 8\n[f] fc outputs=4\n[s] softmax\n[l] crossentropy\n",
        "[i] input 8\n[f] fc outputs=4\n[l] crossentropy\n",
        (4, 5),
    ),
    "dropout-on-scores": (
        "[i] input 8\n[f] fc outputs=4\n[d] dropout\n[s] softmax\n",
        "[i] input 8\n[f] fc outputs=4\n[d] dropout\n[g] fc outputs=4\n[s] softmax\n",
        (3, 5),
    ),
    "lrn-across-groups": (
        "[i] input 8x8x8\n[c] conv filters=8 kernel=3 groups=2\n[n] lrn size=5 scale=1e-4\n",
        "[i] input 8x8x8\n[c] conv filters=8 kernel=3\n[n] lrn size=5 scale=1e-4\n",
        (3, 9),
    ),
    "saturating-bias": (
        "[i] input 8\n[f] fc outputs=4 bias=1 neuron=tanh\n",
        "[i] input 8\n[f] fc outputs=4 bias=1 neuron=relu\n",
        (2, 18),
    ),
    "signal-vanishes": (
        "[i] input 8 range=1\n[f] fc outputs=4 init=gaussian(1e-5)\n",
        "[i] input 8 range=1\n[f] fc outputs=4 init=gaussian(0.1)\n",
        (2, 18),
    ),
    "signal-explodes": (
        "[i] input 1000\n[f] fc outputs=1000 init=gaussian(5)\n",
        "[i] input 1000\n[f] fc outputs=1000 init=he\n",
        (2, 21),
    ),
    "unread-layer": (
        "[i] input 8\n[f] fc outputs=4\n[g] fc outputs=4 inputs=i\n",
        "[i] input 8\n[f] fc outputs=4\n[g] fc outputs=4 inputs=f\n",
        (2, 2),
    ),
}


@pytest.mark.parametrize("code", TRAPS)
def test_a_trap_is_seen_where_it_lies_and_only_there(code: str) -> None:
    wrong, right, place = TRAPS[code]
    (warning,) = netspec.loads(wrong).warnings
    assert (warning.code, warning.severity, warning.span.line, warning.span.column) == (code, "warning", *place)
    assert netspec.loads(right).warnings == ()


@pytest.mark.parametrize("code", TRAPS)
def test_a_comment_on_its_line_silences_a_trap_by_its_code(code: str) -> None:
    wrong, _, (line, _) = TRAPS[code]
    lines = wrong.splitlines()
    for comment, warnings in ((f"# meant: allow: {code}", 0), (f"# allow: cycle, {code}", 0), ("# allow: cycle", 1)):
        text = "\n".join(f"{x}  {comment}" if n == line else x for n, x in enumerate(lines, 1))
        assert len(netspec.loads(text).warnings) == warnings, comment


def test_the_strength_of_a_signal_by_hand() -> None:
    """range=1 with its mean taken off: 1/4; 8 of these through weights of 0.1: sqrt(8 / 16 * 0.01); ReLU: / sqrt 2."""
    graph = netspec.loads("[i] input 8 range=1 mean=channel\n[f] fc outputs=4 init=gaussian(0.1) neuron=relu\n").graph
    roots = strengths(graph)
    assert roots["i"] == 0.25
    assert roots["f:linear"] == pytest.approx(0.0707107, rel=1e-5)
    assert roots["f"] == pytest.approx(0.05, rel=1e-5)


def test_the_estimate_is_near_what_is_computed() -> None:
    """AlexNet's topology at an eighth of its width, on random images of the assumed spread."""
    import numpy as np

    from netspec.backend import load

    graph = netspec.load(SPECS / "alexnet-tiny.net").graph
    random = np.random.default_rng(0)
    weights = {
        key: random.normal(p.distribution.mean, p.distribution.std, p.shape)
        if hasattr(p.distribution, "std")
        else np.full(p.shape, p.distribution.value)
        for key, p in graph.parameters.items()
    }
    images = 0.25 * random.normal(size=(1, 3, 224, 224))
    values = load("reference").run(graph, weights, images).values
    for name in ("conv1:conv", "conv2:conv", "conv3:conv", "fc6:linear", "fc8"):
        measured = float(np.sqrt(np.mean(values[name] ** 2)))
        assert 1 / 8 < measured / strengths(graph)[name] < 8, name
