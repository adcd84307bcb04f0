"""The HTTP service for installing nodes and for administrators (paper, 6.1)."""
