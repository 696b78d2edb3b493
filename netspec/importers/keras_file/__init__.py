"""Translate models of Keras to specs that compute the same.

A file passes through these modules in order:

* ``model``: ``containers`` reads a file, ``network`` its JSON as layers and calls, with ``fields`` as checked access to
  it, and ``store`` the weights.
* ``running`` makes a graph of ONNX's operators of a network; ``preparation`` says how its images are prepared. The
  layers are in ``graph``: ``building`` is the graph so far, ``table`` has all layers, ``windows``, ``layers``,
  ``joins`` and ``functions`` convert them.
* ``training`` has what the model was compiled with; ``graph.learning`` how a layer is learnt.
* ``translation`` runs all of these steps; ``importers.operators`` makes a spec of the graph.

What is said of Keras is said of its source, github.com/keras-team/keras, version 3, and of that of version 2,
github.com/keras-team/tf-keras.
"""

from netspec.importers.keras_file.translation import translate

__all__ = ["translate"]
