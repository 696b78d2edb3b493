"""The run folder: its files, reading and writing checkpoints, and resuming."""
