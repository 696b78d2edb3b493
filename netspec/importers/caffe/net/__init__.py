"""The layers of a network as Caffe connects them."""
