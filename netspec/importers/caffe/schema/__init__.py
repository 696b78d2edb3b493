"""The messages of Caffe's files: which fields each has, their types and defaults."""
