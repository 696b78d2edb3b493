"""cuda-convnet's layer files, of 2012 and of version 2, as specs.

A ``.cfg`` is read as the original's parser read it, refused where it was refused, and written as a spec of the same
function. Where a spec cannot say something, that is told at its line. The way of a file through the modules, from text
to text:

* ``reading``: the text as sections of keys; ``options``: a section's keys as values, and ``lenient``, all that is wrong
  in one that was given up.
* ``layers``: the sections as layers with the original's sizes (``model``). What no file says of itself, its version and
  the shape of its data, is found by ``dialect`` and ``data_shape``. ``definition`` reads the file; a layer type is a
  ``Kind`` (``kinds``) of ``weighted``, ``spatial``, ``elementwise`` or ``costs``; ``neurons`` reads their functions,
  and ``forks`` says what is known of words that are none of these.
* ``learning``: the parameter file (``params``) as the learning of these layers (``model``), with ``rates``,
  ``schedules``, ``norms``, ``constraints`` and ``passes``. What it says of its run in comments: ``notes`` (a line),
  ``runs``, ``replay`` and ``history``.
* ``spec``: the layers as lines of a spec (``lines``) by ``lowering``, with ``windows``, ``pooling``, ``functions`` and
  ``losses``, and ``sharing``, which says which weights are one; layers of several GPUs as one line (``twins``, with
  ``gathering``); the lines as text (``comments``, ``defaults``, ``text``).
* ``translation``: all of it, one after the other.

Each imports from those before it.
"""

from netspec.importers.cuda_convnet.layers.model import Definition, Dialect, Layer
from netspec.importers.cuda_convnet.translation import Translation, translate

__all__ = ["Definition", "Dialect", "Layer", "Translation", "translate"]
