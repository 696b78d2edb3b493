"""The parameter file as the learning of a file's layers, and what its notes say of the run."""
