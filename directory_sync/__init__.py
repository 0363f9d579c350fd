"""The directory of authorities: signed snapshots, their verification, their exchange."""
