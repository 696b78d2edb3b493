"""Other programs' files, read as specs: one folder for each format."""
