"""Translate ONNX models to specs that compute the same.

``graph`` reads a model as a graph of operators (``importers.operators``): ``reading`` reads the file, and is the first
to import the library onnx. ``inputs`` finds the input with the images. ``folding`` evaluates everything that is
constant, sizes included, and infers the shapes of the rest, with what ``inference`` asks onnx about each node and the
``branches`` of an If that are always taken. ``translation`` has the graph translated.
"""

from netspec.importers.onnx_file.translation import translate

__all__ = ["translate"]
