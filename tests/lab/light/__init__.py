"""Light nodes: namespaces instead of virtual machines, for many at once."""
