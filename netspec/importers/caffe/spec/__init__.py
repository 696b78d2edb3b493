"""Turn layers of Caffe into lines of a spec."""
