"""How fast a network trains and answers on this machine: as a whole, layer by layer, and beside one written by hand."""
