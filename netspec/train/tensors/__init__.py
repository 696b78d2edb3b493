"""Reading weights from files and runs in various layouts, loading them into networks, and exporting them."""
