"""How a network begins and learns: fillers, multipliers of rates and decays, preparation of images, and the solver."""
