"""How a liar answers about directories: an old state, a second history, leaves without records, false witness."""

import gzip
import json
from random import Random
from typing import Final

from directory_sync.checkpoint import Checkpoint, make_checkpoint
from directory_sync.page import make_growth, make_page
from directory_sync.witness import SIZE_TYPE
from node.cli.simulation.life import Life
from node.delivery.call import Answer, Call
from node.delivery.incoming_directory import ADD_CHECKPOINT, DIRECTORY
from node.service import country_log
from node.service.log_keys import log_signer, witness_signer
from node.store import logs
from protocol.encoding import b64u, canonical_json

_OK: Final = 200


class DirectoryLies:
    """The lies about directories of one country."""

    def __init__(self, country: str, chance: Random) -> None:
        """Take who lies."""
        self._country = country
        self._chance = chance
        self._old: bytes | None = None
        self._second: Checkpoint | None = None

    def see(self, life: Life) -> None:
        """Keep the state that its node shows now, to be shown again when there is a newer one."""
        size = life.node.store.read_now(logs.heads).get(self._country, (0, ""))[0]
        if self._old is None:
            self._old = life.node.store.read_now(lambda q: country_log.page_of(q, self._country, size))

    def answer(self, life: Life, call: Call, true: Answer) -> tuple[str, Answer] | None:
        """Return a lie with its name, None where there is none for this call."""
        own = f"{DIRECTORY}/{self._country}"
        if call.path == ADD_CHECKPOINT:
            return self._witness(life, true)
        if call.path == DIRECTORY:
            return "heads", self._heads(true)
        if call.path == f"{own}/growth" and self._second is not None:
            second = self._second
            return "fork", Answer(_OK, {}, make_growth(str(second.note), second.size, second.root, ()))
        return self._page(life, int(call.query.get("from", "0")), true) if call.path == own else None

    def _page(self, life: Life, start: int, true: Answer) -> tuple[str, Answer]:
        lie = self._chance.choice(("old", "second", "withheld"))
        if true.status != _OK:
            return "none", true
        if lie == "old" and self._old is not None:
            return "old", Answer(_OK, {}, self._old)
        if lie == "second" and start:
            self._second = make_checkpoint(log_signer(life.node), start, self._chance.randbytes(32))
            return "fork", Answer(_OK, {}, make_page(str(self._second.note), start, [], []))
        return "withheld", Answer(_OK, {}, _without_records(true))

    def _heads(self, true: Answer) -> Answer:
        """Accuse everybody of another root."""
        if true.status != _OK:
            return true
        index = json.loads(true.body)
        heads = {country: [size, b64u(self._chance.randbytes(32))] for country, (size, _) in index["heads"].items()}
        return Answer(_OK, true.headers, canonical_json({**index, "heads": heads}))

    def _witness(self, life: Life, true: Answer) -> tuple[str, Answer]:
        lie = self._chance.choice(("size", "other", "nothing"))
        if lie == "size":
            return "witness-size", Answer(409, {"content-type": SIZE_TYPE}, b"1000000\n")
        if lie == "other":
            line = witness_signer(life.node).sign("another text\n", 1)
            return "witness-other", Answer(_OK, true.headers, f"{line}\n".encode())
        return "witness-nothing", Answer(_OK, true.headers, b"")


def _without_records(true: Answer) -> bytes:
    packed = true.headers.get("content-encoding") == "gzip"
    head, *lines = (gzip.decompress(true.body) if packed else true.body).split(b"\n")
    return b"\n".join((head, *(line.partition(b" ")[0] for line in lines)))
