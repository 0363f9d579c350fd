"""The command line `entente`."""
