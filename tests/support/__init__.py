"""Tools that several tests share: servers, namespaces, packages, fake programs."""
