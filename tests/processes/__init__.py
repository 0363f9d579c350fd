"""Tests that start real node processes and end them."""
