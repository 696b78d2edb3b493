"""What is meant by a layer, a call or a key that is written as in another tool, and how a spec writes it."""
