"""Translate ONNX models to specs that compute the same.

A model passes through these modules in order:

* ``graph``: ``reading`` reads the file, and is the first to import the library onnx. ``inputs`` finds the input with
  the images. ``folding`` evaluates everything that is constant, sizes included, and infers the shapes of the rest, with
  what ``inference`` asks onnx about each node and the ``branches`` of an If that are always taken; the result is a
  ``Model`` (``model``). ``patterns`` puts single operators in place of groups of them: those of ``functions`` (silu,
  gelu, ...) and of ``normalisations``.
* ``spec``: ``views`` says how the axes of a value of the model correspond to those of a layer's output, so that
  transposing and flattening need no layers. ``lines`` are the lines of the spec as they are collected, ``naming``
  names them. ``windows``, ``products``, ``arithmetic``, ``norms``, ``neurons`` and ``reshaping`` translate operators;
  ``operators`` is the table. In ``importers.spec``, ``activations`` writes functions at the layers that they follow,
  and ``text`` the spec.
* ``translation`` runs all of these steps.
"""

from netspec.importers.onnx_file.translation import Translation, translate

__all__ = ["Translation", "translate"]
