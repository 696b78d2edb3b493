"""PyTorch's operators as ONNX's: a table, and the conversions in it."""
