"""Measuring a network's speed on this machine: training and inference, each layer, and a hand-written equivalent."""
