"""A whole node, without its listeners: services on real databases, keys and texts."""
