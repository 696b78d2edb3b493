"""Testing trained networks, and predicting the classes of images."""
