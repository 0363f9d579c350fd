"""Ports of the loopback interface for nodes that will listen in a moment."""

import os
import random
import socket
from collections import deque
from collections.abc import Iterator
from typing import Final

_RANGE: Final = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections (`ip_local_port_range`, from 32768 on)."""

_HELD: Final = 192
_holds: Final[deque[int]] = deque()
"""Descriptors, one for each port that this process gave away last: those of thirty nodes, twice."""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody uses now, and that no other process on this machine is given by this function.

    A port is free until its node listens, which may be seconds later. Until then a name in the abstract namespace of
    Unix sockets holds it, which the kernel forgets with this process.
    """
    found = _free()
    ports = [next(found) for _ in range(count)]
    while len(_holds) > _HELD:
        os.close(_holds.popleft())
    return ports


def _free() -> Iterator[int]:
    for port in random.sample(_RANGE, len(_RANGE)):
        hold = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            hold.bind(f"\0entente-port-{port}")
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            hold.close()
            continue
        _holds.append(hold.detach())
        yield port
    raise OSError("No port between 20000 and 32000 is free.")
