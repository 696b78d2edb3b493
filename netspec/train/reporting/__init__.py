"""What a training tells while it runs: lines, progress, TensorBoard."""
