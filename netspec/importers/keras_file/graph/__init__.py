"""Layers of Keras as operators of ONNX."""
