"""Translate Caffe's networks, ``.prototxt`` files, to specs that compute the same.

A file passes through these modules in order:

* ``text`` reads the text format of protocol buffers (``parser``, with ``tokens``) as messages (``model``).
* ``schema`` gives the fields of the messages their types: ``messages`` has all of them, those of ``network``,
  ``layers``, ``data``, ``old`` and ``solver``, in a notation (``model``). ``reading`` reports the mistakes of a file
  and returns its ``record``, which knows the defaults.
* ``net`` has the layers as Caffe connects them; ``problem`` is what a spec cannot express.
"""

from netspec.importers.caffe.translation import Translation, translate

__all__ = ["Translation", "translate"]
