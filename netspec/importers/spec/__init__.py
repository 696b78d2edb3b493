"""The lines of a spec that is made from another program's network, and how they are written."""
