"""The model's own graph: read from the file, its constants evaluated, and groups of nodes recognised."""
