"""Write the layers of a file as a spec."""
