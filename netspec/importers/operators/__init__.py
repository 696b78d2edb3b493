"""Translate graphs of operators to specs. The operators are ONNX's, wherever a graph is from.

A graph passes through these modules in order:

* ``graph``: a graph is a ``Model`` (``model``). ``patterns`` puts single operators in place of groups of them: those of
  ``functions`` (silu, gelu, ...), ``normalisations``, ``dropouts``, ``rearrangements`` and ``reductions``.
* ``spec``: ``views`` says how the axes of a value of the model correspond to those of a layer's output, so that
  transposing and flattening need no layers. ``lines`` are the lines of the spec as they are collected, ``naming``
  names them. ``windows``, ``products``, ``arithmetic``, ``norms``, ``neurons`` and ``reshaping`` translate operators;
  ``operators`` is the table. In ``importers.spec``, ``activations`` writes functions at the layers that they follow,
  and ``text`` the spec.
* ``translation`` runs all of these steps.
"""

from netspec.importers.operators.translation import Origin, Translation, translate

__all__ = ["Origin", "Translation", "translate"]
