"""The language server for specs.

Each feature is implemented in a module of its own, as functions from a document and an offset to plain data that do not
depend on the protocol. ``handlers`` connects these functions to the protocol's requests, ``protocol`` converts their
results, and ``server`` checks documents and publishes diagnostics.
"""
