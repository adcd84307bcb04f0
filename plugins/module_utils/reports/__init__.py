"""One file of a service from the database: rendered, checked, swapped in, reloaded once (paper, 6.4)."""
