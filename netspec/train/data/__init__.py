"""Where training images come from: every source gives the same thing, labelled uint8 pictures of one size."""
