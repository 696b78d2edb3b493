"""The text format of protocol buffers, of which Caffe's files are."""
