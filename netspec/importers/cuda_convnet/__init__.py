"""Translate cuda-convnet's layer files, those of 2012 and those of version 2, to specs.

A ``.cfg`` file is read as the original program's parser read it, and rejected where that rejected it. The resulting
spec computes the same function. A warning at the line in question reports whatever a spec cannot express. A file passes
through these modules in order:

* ``reading`` parses the text into sections of keys. ``options`` reads the values of a section's keys, and ``lenient``
  reports all errors of a section that was rejected, not just the first.
* ``layers`` turns sections into layers (``model``) with the original's sizes. ``dialect`` and ``data_shape`` infer what
  no file states: its version of cuda-convnet and the shape of its data. ``definition`` reads the whole file, and tells
  labels from images. Each layer type is a ``Kind`` (``kinds``), defined in ``connected``, ``convolutions`` (both with
  ``weights``), ``spatial``, ``elementwise`` or ``costs`` (those of forks in ``forked``), and listed in ``types``.
  ``neurons`` reads activation functions, ``forks`` has advice on words that only other versions and forks of the
  program know, and ``second_look`` finds the remaining errors of a rejected section.
* ``learning`` turns the parameter file (``params``) into learning settings of these layers (``model``). ``sections``
  reads a layer's section, using ``reading_rates``, ``schedules``, ``norms`` and ``constraints``; ``rates`` and
  ``passes`` find what layers have in common. The comments of the file are notes on its runs: ``notes`` reads a line of
  them, ``runs`` divides them, ``replay`` follows the rates, and ``history`` reconstructs the beginning, or warns of
  rates from the end.
* ``spec`` turns layers into lines of a spec (``lines``): ``lowering`` with ``maps``, ``pooling``,
  ``functions``, ``losses``, ``labels`` (those that a spec does not have) and ``sharing`` (shared weights). ``twins``
  merges layers that are spread over several GPUs into one line, using ``gathering`` and ``search``.
  ``comments``, ``defaults`` and ``text`` write the lines as text.
* ``translation`` runs all of these steps.

Each module imports only from those before it.
"""

from netspec.importers.cuda_convnet.layers.model import Definition, Dialect, Layer
from netspec.importers.cuda_convnet.translation import Translation, translate

__all__ = ["Definition", "Dialect", "Layer", "Translation", "translate"]
