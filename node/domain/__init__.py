"""Pure rules and views of the node."""
