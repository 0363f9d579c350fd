"""The member list that most tests begin with."""

import pytest

from protocol.members import MemberList
from tests.protocol.member_network import THREE, network


@pytest.fixture(scope="module")
def members() -> MemberList:
    """Return a list of three states."""
    return network(*THREE)
