"""Turn the sections of a layer file into layers with the original's sizes."""
