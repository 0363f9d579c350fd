"""What `entente probe` tries: pure checks over a thin line, one file for each part of the protocol."""
