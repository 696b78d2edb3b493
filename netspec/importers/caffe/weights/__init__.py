"""The weights of a network: ``.caffemodel`` files, and which parameters of a spec's layers their blobs are."""
