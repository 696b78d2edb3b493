"""The computations of a training step: objective, gradients, optimiser and schedules; and validation."""
