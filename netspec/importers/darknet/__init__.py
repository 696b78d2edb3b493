"""Translate Darknet's networks, ``.cfg`` files whose first section is ``[net]``, to specs that compute the same.

A file passes through these modules in order:

* ``sections`` reads it, and ``options`` has the sections and options that Darknet knows.
* ``site`` collects lines of the spec. ``weighted``, ``spatial``, ``joins`` and ``ends`` translate sections, with
  activations as ``functions``; ``translation`` has the table of them.
* ``training`` translates ``[net]``.
* ``weights`` reads a ``.weights`` file.

What is said of Darknet is said of its source, that of github.com/pjreddie/darknet and of its fork
github.com/AlexeyAB/darknet. Where the two differ, it says of which.
"""

from netspec.importers.darknet.translation import translate

__all__ = ["translate"]
