"""Programs that set up nodes beside each other on one machine."""

import subprocess
import sys

import pytest

from node.cli import free_ports

OTHERS = """
from node.cli import free_ports
free_ports._RANGE = range(19_000, 19_010)
print(*free_ports.free_ports(5))
"""


def test_no_two_programs_are_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one was given and doesn't listen at yet is nobody else's, until there is none left."""
    monkeypatch.setattr(free_ports, "_RANGE", range(19_000, 19_010))
    ours = free_ports.free_ports(5)
    said = subprocess.run((sys.executable, "-c", OTHERS), check=True, capture_output=True, text=True)
    theirs = [int(port) for port in said.stdout.split()]
    assert len(theirs) == 5
    assert not set(ours) & set(theirs)
    assert set(free_ports.free_ports(5)) == set(theirs)  # the other program has ended
    with pytest.raises(OSError, match="No port"):
        free_ports.free_ports(1)
