"""A file's layers as the text of a spec."""
