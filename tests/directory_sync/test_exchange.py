"""Two nodes swap a list over real HTTP; what comes wrong is refused and nothing is kept."""

import asyncio
import gzip
import zlib

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from directory_sync import limits
from directory_sync.exchange import Known, answer, compressed, document_of, etag_of, fetch_snapshot
from directory_sync.problem import DirectoryError
from protocol.encoding import sha256_b64u
from tests.directory_sync.world import authority, country

GERMANY = country("DE")
CHAMBER = authority()
NOTHING = Known()


class Publisher:
    """Germany's node as its peers see it: answers with its newest list, and can be told to lie."""

    def __init__(self):
        self.asked = []
        self.publish(GERMANY.publish(CHAMBER), 1)

    def publish(self, snapshot, version):
        """Have this list from now on."""
        self.document = document_of(snapshot)
        self.etag = etag_of(version, sha256_b64u(snapshot.body))
        self.lie = None

    async def handle(self, request):
        """Answer truly, or with the lie."""
        asked = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(asked)
        status, fields, body = self.lie or answer(self.document, compressed(self.document), self.etag, asked)
        return web.Response(status=status, headers=fields, body=body)


@pytest.fixture
async def germany():
    """Return (publisher, fetch): Germany's node on a port of its own, and how Hungary's asks it."""
    publisher = Publisher()
    app = web.Application()
    app.router.add_get("/peer/v1/directory", publisher.handle)
    async with TestServer(app) as server, aiohttp.ClientSession(auto_decompress=False) as session:

        async def get(url, fields):
            async with session.get(url, headers=fields, allow_redirects=False) as response:
                return (
                    response.status,
                    dict(response.headers),
                    await response.content.read(limits.MAX_TRANSFER_BYTES + 1),
                )

        async def fetch(known=NOTHING, iss="DE"):
            url = str(server.make_url("/peer/v1/directory"))
            return await fetch_snapshot(get, url, iss=iss, known=known, verify_header=GERMANY.verify)

        yield publisher, fetch


async def refused(fetch, **rules):
    """Return the code with which a fetch is refused."""
    with pytest.raises(DirectoryError) as caught:
        await fetch(**rules)
    return caught.value.code


async def test_the_first_fetch_brings_everything_and_the_second_nothing(germany):
    """A list that hasn't changed costs one short question."""
    publisher, fetch = germany
    got = await fetch()
    assert got.authorities == (CHAMBER,)
    assert got.snapshot == GERMANY.publish(CHAMBER)
    assert await fetch(got.known) is None
    assert publisher.asked[1]["if-none-match"] == got.known.etag


async def test_a_new_version_is_fetched(germany):
    """What a country changes arrives with the next question."""
    publisher, fetch = germany
    known = (await fetch()).known
    publisher.publish(GERMANY.publish(CHAMBER, authority(id="DE-bva"), version=2), 2)
    got = await fetch(known)
    assert [one.id for one in got.authorities] == ["DE-bva", "DE-zaek-berlin"]
    assert (got.header.version, got.known.version) == (2, 2)


async def test_plain_and_gzipped_answers_are_the_same_list(germany):
    """A server that doesn't compress is understood too."""
    publisher, fetch = germany
    publisher.lie = (200, {}, publisher.document)
    assert (await fetch()).authorities == (CHAMBER,)
    assert answer(b"d", b"z", '"1"', {})[1:] == (
        {
            "ETag": '"1"',
            "Vary": "Accept-Encoding",
            "Cache-Control": "no-cache",
            "Content-Type": "application/vnd.entente.directory",
        },
        b"d",
    )
    assert answer(b"d", b"z", '"1"', {"accept-encoding": "br, gzip;q=1"})[2] == b"z"
    assert answer(b"d", b"z", '"1"', {"if-none-match": '"0", W/"1"'})[0] == 304
    assert compressed(b"d") == compressed(b"d")


async def test_rollback_and_fork_over_the_line(germany):
    """An older or a second list under one version is refused whatever its ETag."""
    publisher, fetch = germany
    publisher.publish(GERMANY.publish(CHAMBER, version=5), 5)
    known = (await fetch()).known
    publisher.publish(GERMANY.publish(version=4), 4)
    assert await refused(fetch, known=known) == "directory-rollback"
    publisher.publish(GERMANY.publish(version=5), 5)
    assert await refused(fetch, known=known) == "directory-fork"


async def test_one_members_list_is_not_anothers(germany):
    """Asking the wrong node brings nothing."""
    assert await refused(germany[1], iss="HU") == "directory-wrong-issuer"


async def test_bomb(germany):
    """A few kilobytes that open to gigabytes are refused at the limit (SPEC S-123)."""
    publisher, fetch = germany
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(80)) + packer.flush()
    assert len(bomb) < 100_000
    publisher.lie = (200, {"Content-Encoding": "gzip"}, bomb)
    assert await refused(fetch) == "directory-too-large"


async def test_bomb_of_many_members(germany):
    """A second gzip member after the first is no way round the limit."""
    publisher, fetch = germany
    publisher.lie = (200, {"Content-Encoding": "gzip"}, gzip.compress(publisher.document) + gzip.compress(b"x"))
    assert await refused(fetch) == "directory-transfer"


async def test_too_much_on_the_line():
    """An answer over the limit is refused before anything is opened or verified."""

    async def get(_url, _fields):
        return 200, {}, bytes(limits.MAX_TRANSFER_BYTES + 1)

    with pytest.raises(DirectoryError, match="too-large"):
        await fetch_snapshot(get, "", iss="DE", known=NOTHING, verify_header=GERMANY.verify)


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ((500, {}, b""), "directory-transfer"),
        ((304, {}, b""), "directory-transfer"),
        ((302, {"Location": "https://elsewhere.example/"}, b""), "directory-transfer"),
        ((200, {"Content-Encoding": "br"}, b"x"), "directory-transfer"),
        ((200, {"Content-Encoding": "gzip"}, b"x"), "directory-transfer"),
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 1000)[:20]), "directory-transfer"),
        ((200, {}, b""), "directory-header"),
        ((200, {}, b"no line"), "directory-header"),
        ((200, {}, "ü\n".encode()), "directory-header"),
        ((200, {}, b"x" * (limits.MAX_HEADER_CHARS + 1) + b"\n"), "directory-too-large"),
    ],
    ids=range(10),
)
async def test_answers_that_are_no_list(germany, lie, code):
    """Errors, unasked redirects, broken compression and half a document are refusals, not crashes."""
    publisher, fetch = germany
    publisher.lie = lie
    assert await refused(fetch) == code


async def test_truncation_on_the_line(germany):
    """A document that ends early is refused, wherever it ends."""
    publisher, fetch = germany
    head = publisher.document.index(b"\n") + 1
    for cut in (head, head + 1, len(publisher.document) - 1):
        publisher.lie = (200, {}, publisher.document[:cut])
        assert await refused(fetch) == "directory-digest"


async def test_fetches_run_side_by_side(germany):
    """Checking one country's list doesn't hold up another's."""
    _, fetch = germany
    got = await asyncio.gather(*(fetch() for _ in range(8)))
    assert all(one.authorities == (CHAMBER,) for one in got)
