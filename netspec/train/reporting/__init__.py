"""What a training reports while it runs: lines, progress bars, TensorBoard events."""
