"""The graph as a spec: values, layers, names and text."""
