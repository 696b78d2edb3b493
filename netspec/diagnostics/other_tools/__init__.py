"""Words of other tools: what a spec calls the same things, and notes on what specs do not have."""
