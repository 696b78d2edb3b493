"""Its being here puts this folder on the import path, so that every room's tests can import ``building``."""
