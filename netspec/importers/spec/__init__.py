"""What all importers share: the lines of a spec as they are made, how they are written, and what is reported."""
