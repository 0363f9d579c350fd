"""The local API under /api/v1."""
