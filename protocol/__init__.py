"""What two nodes say to each other: pure, bytes and `now` in, values out (see SPEC.md)."""
