"""Translate Caffe's networks, ``.prototxt`` files, to specs that compute the same.

A file passes through these modules in order:

* ``text_format`` reads the text format of protocol buffers as messages.
* ``schema`` gives the fields of the messages their types: ``messages`` has all of them, with those of ``layers``, in a
  notation (``model``). ``reading`` reports the mistakes of a file and returns its ``record``, which knows the defaults.
* ``net`` has the ``layers`` of a ``network`` in one of its ``phases``, connected by the names of their values
  (``connections``). ``upgrades`` rewrites those of the two older formats, whose ``types`` have other names.
* ``learning`` translates what does not change a network's function: ``fillers`` and ``multipliers`` of layers,
  the ``preparation`` of images, and the ``solver``; ``training`` is all that a network and its solver say. ``numbers``
  are those of the file, ``substitutes`` the warnings about what a spec says instead.
* ``spec`` translates layers to ``lines`` of a spec. ``inputs`` tells images from labels, ``checks`` looks at what all
  layers may have. ``windows``, ``enlarging`` and ``learnt`` (all that has weights), ``elementwise``, ``norms``,
  ``shapes`` and ``losses`` translate layers; ``types`` is the table.
* ``weights`` reads the numbers of a ``.caffemodel`` file: ``wire`` is its format, ``blobs`` the arrays in it, and
  ``matching`` finds those of a spec's parameters.
"""

from netspec.importers.caffe.translation import translate

__all__ = ["translate"]
