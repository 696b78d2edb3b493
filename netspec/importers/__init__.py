"""Importers, which translate other programs' network files to specs: one folder per format."""
