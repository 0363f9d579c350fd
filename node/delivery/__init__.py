"""The line between two nodes: peers' listener, outgoing batches, TLS."""
