"""Read the parameter file: how the layers learn, and the notes on a run in its comments."""
