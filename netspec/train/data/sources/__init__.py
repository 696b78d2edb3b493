"""The data sources, one module each, and the helpers that several of them share."""
