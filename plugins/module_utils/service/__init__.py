"""The HTTP face that installing nodes talk to (paper, 6.1)."""
