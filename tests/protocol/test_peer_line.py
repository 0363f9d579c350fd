"""The line itself: TLS with pinned certificates, and HTTP that stops reading in time."""

import io
import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization

from node.delivery.http_listener import peer_app
from node.delivery.tls import PeerContext, ServerContexts, client_context
from protocol.limits import MAX_REQUEST_BODY
from protocol.member_problems import MemberListError
from protocol.member_proposal import propose, propose_status
from protocol.members import MemberList
from tests.exchange.pair import world
from tests.protocol.member_network import (
    NOW,
    agreed,
    apply,
    candidate,
    certificate,
    encryption_key,
    founded,
    network,
    private_key,
    record,
    roles,
    signed_record,
    state,
    tampered,
    tls,
)

# --- TLS (SPEC.md section 11.1) ---


def files(folder: Path, name: str, der: bytes, key_name: tuple[str, str, int]) -> tuple[Path, Path]:
    """Write a certificate and its key."""
    key = private_key(*key_name).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = ssl.DER_cert_to_PEM_cert(der)
    (folder / f"{name}.crt").write_text(pem)
    (folder / f"{name}.key").write_bytes(key)
    return folder / f"{name}.crt", folder / f"{name}.key"


def shake(client: ssl.SSLContext, server: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Complete a handshake in memory, or raise what either end raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="hu.example"),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    for end in ends:
        end.do_handshake()
    return ends


@pytest.fixture
def server(tmp_path: Path) -> ServerContexts:
    """Return HU's listener, which trusts DE's certificate alone."""
    contexts = ServerContexts(*files(tmp_path, "hu", tls("HU"), ("tls", "HU", 1)))
    contexts.trust(frozenset({tls("DE")}))
    return contexts


def client_of(folder: Path, pinned: bytes, der: bytes | None = None) -> PeerContext:
    """Return DE's context, with another certificate where one is given."""
    return client_context(*files(folder, "de", der or tls("DE"), ("tls", "DE", 1)), frozenset({pinned}))


def test_pinned_ends_talk_tls_1_3(tmp_path: Path, server: ServerContexts) -> None:
    """Both ends show the listed certificate; there is no ticket to resume with (SPEC S-090, S-091, S-097)."""
    ours, theirs = shake(client_of(tmp_path, tls("HU")), server.listener)
    assert ours.version() == theirs.version() == "TLSv1.3"
    assert theirs.getpeercert(binary_form=True) == tls("DE")
    theirs.write(b"x")
    assert ours.read(1) == b"x"
    session = ours.session
    assert session is None or not session.has_ticket


@pytest.mark.parametrize("who", ["issued by a pinned key", "a newer one that isn't listed yet"])
def test_another_certificate_is_refused(tmp_path: Path, server: ServerContexts, who: str) -> None:
    """A certificate is compared byte for byte, not by its chain (SPEC S-091)."""
    own = private_key("tls", "DE", 1)
    der = certificate(own, "de.example" if who.startswith("issued") else "new.example", issuer=own)
    if who.startswith("issued"):
        other = private_key("tls", "other", 1)
        der = certificate(other, "de.example", issuer=own)
        paths = files(tmp_path, "de", der, ("tls", "other", 1))
    else:
        paths = files(tmp_path, "de", der, ("tls", "DE", 1))
    with pytest.raises(ssl.SSLError):
        shake(client_context(*paths, frozenset({tls("HU")})), server.listener)
    assert server.refusals


def test_the_client_pins_too(tmp_path: Path, server: ServerContexts) -> None:
    """A server with another member's certificate isn't the peer (SPEC S-091)."""
    with pytest.raises(ssl.SSLError):
        shake(client_of(tmp_path, tls("FR")), server.listener)


def test_a_removed_member_is_refused_at_once(tmp_path: Path, server: ServerContexts) -> None:
    """The next connection meets the new list (SPEC S-091, S-092)."""
    server.trust(frozenset({tls("FR")}))
    with pytest.raises(ssl.SSLError):
        shake(client_of(tmp_path, tls("HU")), server.listener)


def test_an_older_tls_is_refused(tmp_path: Path, server: ServerContexts) -> None:
    """TLS 1.3 and nothing else (SPEC S-090)."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode, old.maximum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        shake(old, server.listener)


# --- HTTP (SPEC.md section 11.2) ---


async def test_an_oversize_body_is_refused_unread(tmp_path: Path) -> None:
    """By its length, before anybody looks who sends it (SPEC S-002, S-099)."""
    async with world(tmp_path, "DE") as one, TestServer(peer_app(one["DE"])) as server, aiohttp.ClientSession() as http:
        for _ in range(2):
            headers = {"Content-Type": "application/entente-batch"}
            async with http.post(server.make_url("/peer/v1/batches"), data=io.BytesIO(b" " * (MAX_REQUEST_BODY + 1)),
                                 headers=headers) as answer:  # fmt: skip
                assert answer.status == 413
                assert (await answer.json(content_type="application/problem+json"))["code"] == "too-large"
        async with http.get(server.make_url("/peer/v1/members")) as answer:
            assert answer.status == 403
            assert (await answer.json(content_type="application/problem+json"))["code"] == "not-a-member"


# --- the member list (SPEC.md section 12) ---


def refusal(members: MemberList, bundle: object) -> str:
    """Return the code with which a whole offer is refused."""
    with pytest.raises(MemberListError) as caught:
        members.update(bundle, NOW)  # type: ignore[arg-type]
    return caught.value.code


def test_each_state_has_one_key_in_a_root() -> None:
    """A root with a key of nobody, or one state without its key, is refused (SPEC S-100, S-101)."""
    members = network("DE", "FR", "HU")
    signers = [state(country) for country in ("DE", "FR", "HU")]
    proposal = propose(members, candidate("SE"), NOW)
    whole = agreed(members, proposal, [*signers, state("SE")])

    def drop(signed: object) -> None:
        del signed.unrecognized_fields["entente"]["states"]["SE"]  # type: ignore[attr-defined]

    bad = tampered(whole.roots[0], [*signers, state("SE")], drop)
    assert refusal(members, type(whole)((bad,), whole.targets)) == "members-inconsistent"


def test_who_joins_shows_that_it_has_the_key() -> None:
    """A new state signs the root with its own key, whatever the majority says (SPEC S-103, S-104)."""
    members = network("DE", "FR", "HU")
    signers = [state(country) for country in ("DE", "FR", "HU")]
    proposal = propose(members, candidate("SE"), NOW)
    whole = agreed(members, proposal, [*signers, state("SE")])
    assert "SE" in apply(members, whole).active_countries()
    without = tampered(whole.roots[0], signers, lambda _: None)
    assert refusal(members, type(whole)((without,), whole.targets)) == "members-possession"
    few = tampered(whole.targets or b"", signers[:1], lambda _: None)
    assert refusal(members, type(whole)(whole.roots, few)) == "members-signature"


def test_roots_come_one_after_the_other() -> None:
    """A missing root is a gap (SPEC S-109)."""
    old, new = founded("DE"), network("DE", "FR", "HU")
    bundle = new.bundle()
    assert refusal(old, type(bundle)(bundle.roots[-1:], bundle.targets)) == "members-gap"


def test_who_has_left_speaks_no_more() -> None:
    """Its last record stays, a new one is refused, and it is active no more (SPEC S-110, S-115)."""
    members = network("DE", "FR", "HU")
    signers = [state(country) for country in ("DE", "FR", "HU")]
    after = apply(members, agreed(members, propose_status(members, "HU", "left", NOW), signers))
    newer, problems = after.update(roles(HU=signed_record("HU", 2)), NOW)
    assert [problem.code for problem in problems] == ["members-left"]
    assert newer.member("HU") == record("HU")
    assert not newer.active("HU")
    assert newer.tls_certificates("HU") == frozenset()


def test_an_expired_list_takes_in_nobody() -> None:
    """What is there goes on (SPEC S-112)."""
    members = network("DE", "FR")
    later = members.root.expires
    with pytest.raises(MemberListError, match="members-expired"):
        propose(members, candidate("SE"), later)
    assert members.active("FR")
    newer, problems = members.update(roles(FR=signed_record("FR", 2)), later)
    assert problems == ()
    assert newer.role_version("FR") == 2


def test_keys_that_a_record_may_hold() -> None:
    """A record keeps to its limits, and keys it doesn't know of are kept unused (SPEC S-105, S-116)."""
    unknown = {"kid": "x", "suite": "TOMORROW", "public": "AAAA", "state": "active", "novelty": 1}
    kept = record("HU", encryption_keys=[unknown, encryption_key("HU").model_dump(mode="json")])
    assert kept.encryption_key() == encryption_key("HU")
    assert kept.as_json()["encryption_keys"][0]["novelty"] == 1
