"""The warning of dropout of whole images after which nothing of an image is left."""

from __future__ import annotations

import pytest

import netspec


@pytest.mark.parametrize(
    ("layers", "warned"),
    [
        ("[d] dropout over=images\n[f] fc outputs=2", ["d"]),
        ("[d] dropout over=images rate=0\n[f] fc outputs=2", []),
        ("[d] dropout over=channels\n[f] fc outputs=2", []),
        ("[c] relu\n[d] dropout over=images inputs=i\n[s] concat inputs=c,d\n[f] fc outputs=2", []),
        ("[d] dropout over=images\n[a] relu\n[b] tanh inputs=d\n[s] sum inputs=a,b\n[f] fc outputs=2", ["d"]),
        ("[f] fc outputs=2\n[c] relu inputs=i\n[d] dropout over=images\n[g] fc outputs=2\n[s] sum inputs=f,g", []),
        ("[x] dropout over=images inputs=i\n[f] fc outputs=2 inputs=i", []),
        ("[a] relu\n[x] dropout over=images\n[s] sum inputs=i,x\n[d] dropout over=images\n[f] fc outputs=2", ["d"]),
    ],
)
def test_stochastic_depth_needs_a_way_around_it(layers: str, warned: list[str]) -> None:
    warnings = netspec.loads(f"[i] input 3x2x2\n{layers}\n").warnings
    assert [w.layer for w in warnings if w.code == "image-dropped"] == warned


@pytest.mark.parametrize(
    ("layers", "through"),
    [
        ("[p] product inputs=i,d\n[f] fc outputs=2", "p"),
        ("[e] conv filters=3 kernel=1 bias=none\n[p] product inputs=i,e\n[f] fc outputs=2", "p"),
        ("[p] product inputs=i,d\n[g] relu inputs=d\n[q] product inputs=g,i\n[s] sum inputs=p,q", "p and q"),
        ("[e] slice channels=3\n[e2] prelu\n[p] product inputs=i,e2\n[f] fc outputs=2", "p"),
        ("[e] logistic\n[p] product inputs=i,e\n[f] fc outputs=2", ""),
        ("[e] conv filters=3 kernel=1\n[p] product inputs=i,e\n[f] fc outputs=2", ""),
        ("[p] product inputs=i,d\n[s] sum inputs=i,p\n[f] fc outputs=2", ""),
        ("[e] conv filters=3 kernel=1\n[p] product inputs=i,d\n[s] sum inputs=e,p\n[f] fc outputs=2", "p"),
    ],
)
def test_product_with_a_dropped_factor_is_no_way_around_it(layers: str, through: str) -> None:
    """The product is 0, but not if a layer in between makes another number of a 0, as a gate's sigmoid does."""
    warnings = netspec.loads(f"[i] input 3x2x2\n[r] relu\n[d] dropout over=images\n{layers}\n").warnings
    notes = [w.notes[0] for w in warnings if w.code == "image-dropped"]
    assert [note.partition("leads through ")[2].partition(", where it is multiplied in")[0] for note in notes] == (
        [through] if through else []
    )
