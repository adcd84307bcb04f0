"""Virtual machines with real firmware, and the controllers that switch them."""
