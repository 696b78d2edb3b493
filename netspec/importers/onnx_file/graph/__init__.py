"""An ONNX model as a graph of operators: read from the file, and its constants evaluated."""
