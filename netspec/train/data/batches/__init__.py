"""From stored images to the network's input: prefetching, sharing between processes, augmentation and preparation."""
