"""The graph of operators, in which groups of nodes are recognised that compute together what a single one does."""
