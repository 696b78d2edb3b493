"""Image folders looked at picture by picture, and packed into arrays."""
