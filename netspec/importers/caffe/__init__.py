"""Translate Caffe's networks, ``.prototxt`` files, to specs that compute the same.

A file passes through these modules in order:

* ``text`` reads the text format of protocol buffers (``parser``, with ``tokens``) as messages (``model``).
* ``schema`` gives the fields of the messages their types: ``messages`` has all of them, those of ``network``,
  ``layers``, ``data``, ``old`` and ``solver``, in a notation (``model``). ``reading`` reports the mistakes of a file
  and returns its ``record``, which knows the defaults.
* ``net`` has the layers as Caffe connects them; ``problem`` is what a spec cannot express.
* ``learning`` translates what does not change a network's function: ``fillers`` and ``multipliers`` of layers,
  the ``preparation`` of images, and the ``solver``; ``training`` is all that a network and its solver say.
* ``spec`` translates layers to ``lines`` of a spec; ``types`` is the table.
* ``weights`` reads the numbers of a ``.caffemodel`` file: ``wire`` is its format, ``blobs`` the arrays in it, and
  ``matching`` finds those of a spec's parameters.
"""

from netspec.importers.caffe.translation import Translation, translate

__all__ = ["Translation", "translate"]
