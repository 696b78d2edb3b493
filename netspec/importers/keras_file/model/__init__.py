"""The files of Keras, and the network in them, that of Keras 2 as that of Keras 3."""
