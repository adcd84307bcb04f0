"""Service configuration files from the database: rendered, checked, installed (paper, 6.4)."""
