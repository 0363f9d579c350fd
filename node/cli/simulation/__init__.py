"""Real nodes under a seeded scheduler in virtual time; only clock, network, disk and chance are put in from outside."""
