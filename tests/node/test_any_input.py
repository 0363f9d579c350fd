"""Whatever comes from files, forms, programs and peers ends in a value or in one of the codes, soon."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from directory_sync.authority import Authority
from directory_sync.checkpoint import LogKeys
from directory_sync.demo import demo_authorities
from directory_sync.page import decoded, grow, read_page
from directory_sync.problem import DirectoryError
from directory_sync.table import read_file, read_table, write_table
from directory_sync.tree import Tree
from node import config
from node.api.app import ROUTES
from node.api.body import parse_json
from node.api.problem import Problem
from node.api.route import Upload
from node.cli import directory as directory_command
from node.clock import SystemClock, SystemEntropy
from node.delivery import fetcher, probe
from node.delivery.call import Answer, Call, retry_after
from node.delivery.incoming import BATCHES, BLOBS, DIRECTORY_HEADER, MEMBERS, STREAMS, handle
from node.delivery.incoming_directory import DIRECTORY
from node.delivery.refused import refused
from node.errors import CODES, NodeError
from node.store import backup_manifest, erased
from node.store.case_keys import CaseKeys
from node.store.key_files import load_keys, make_keys
from node.store.store import Store
from protocol.batch import MEDIA_TYPE
from protocol.history import parse_page, read_told
from protocol.problems import PROBLEMS, ProtocolError
from tests.dashboard.test_pages import dashboard
from tests.exchange.attacker import attacked
from tests.exchange.pair import world
from tests.protocol.any_bytes import bounded, json_values, quick, spoilt
from translations.area import AreaRules
from translations.po_file import PoError, read_po
from translations.question_set import QuestionSet
from translations.yaml_file import AreaError, read_yaml

ROOT = Path(__file__).resolve().parents[2]
PO = b'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n#, python-brace-format\nmsgctxt "a.b"\nmsgid "{n} x"\nmsgstr "{n} y"\n'
AREA = next((ROOT / "translations" / "areas").glob("*/questions/*.yaml")).read_bytes()[:3000]
TABLE = write_table(demo_authorities("HU")[:2]).encode()


@quick
@given(spoilt(config.describe().encode()))
def test_configurations(data: bytes) -> None:
    """A file is taken, or the line at fault is named."""
    text = data.decode("utf-8", "replace")
    read = bounded(lambda: config.parse(text, Path("node.toml")), NodeError)
    assert isinstance(read, config.Config) or (read.code == "config-invalid" and "node.toml:" in read.message)


@quick
@given(data=spoilt(config.describe().encode()))
def test_configuration_files(tmp_path: Path, data: bytes) -> None:
    """Bytes that are no text are refused like a file that isn't there."""
    (tmp_path / "node.toml").write_bytes(data)
    read = bounded(lambda: config.load(tmp_path), NodeError)
    assert isinstance(read, config.Config) or read.code in ("config-invalid", "config-missing")


@quick
@given(data=spoilt(PO))
def test_catalogues(tmp_path: Path, data: bytes) -> None:
    """A PO file is read or refused as one."""
    (tmp_path / "de.po").write_bytes(data)
    bounded(lambda: read_po(tmp_path / "de.po"), PoError)


@quick
@given(data=spoilt(AREA))
def test_question_sets(tmp_path: Path, data: bytes) -> None:
    """A YAML file is read, or its faults are told with their lines."""
    (tmp_path / "set.yaml").write_bytes(data)
    read = bounded(lambda: read_yaml(tmp_path / "set.yaml", QuestionSet), AreaError)
    assert isinstance(read, AreaError | tuple)


@quick
@given(spoilt(TABLE))
def test_tables_of_authorities(data: bytes) -> None:
    """A table gives records, or the cells at fault; good records write back as themselves."""
    records, faults = bounded(lambda: read_table(data.decode("utf-8", "replace"), "HU"))
    assert faults or read_table(write_table(records), "HU") == (records, ())


RECORDS = json.dumps([json.loads(one.model_dump_json()) for one in demo_authorities("HU")[:1]]).encode()


@quick
@given(spoilt(TABLE, RECORDS))
@example(b"[" * 200_000)
@example(b'[{"a":' * 200_000)
def test_imports(data: bytes) -> None:
    """The readers of files with authorities give records or faults for any bytes, as a table and as JSON."""
    records, faults = bounded(lambda: directory_command._from_json(data))
    assert all(isinstance(one, Authority) for one in records)
    assert all(isinstance(row, int) for row, _, _ in faults)
    table = bounded(lambda: read_file(data, "HU"))
    assert not (table.records and table.errors)


PAGES = json.loads((ROOT / "protocol" / "vectors" / "directory.json").read_text(encoding="utf-8"))
PAGE, ASKED_AT = PAGES["page"].encode(), datetime.fromisoformat(PAGES["now"])
KEYS = LogKeys.read("DE", PAGES["log_keys"])
RULES = next((ROOT / "translations" / "areas").glob("*/area.yaml")).read_bytes()


@quick
@given(data=spoilt(RULES))
def test_rules_of_an_area(tmp_path: Path, data: bytes) -> None:
    """An area's rules are read, or their faults are told with their lines."""
    (tmp_path / "area.yaml").write_bytes(data)
    assert isinstance(bounded(lambda: read_yaml(tmp_path / "area.yaml", AreaRules), AreaError), AreaError | tuple)


MANIFEST = backup_manifest.Manifest(
    kind="keys",
    country="DE",
    version="1",
    at=SystemClock().now(),
    schemas={"keys.db": ("1",)},
    files={"keys.db": backup_manifest.FileEntry(sha256="0" * 64, size=3)},
    counts={"cases": 1},
).sealed(b"m" * 32)


@quick
@given(data=spoilt(MANIFEST.model_dump_json().encode()))
def test_manifests_of_backups(tmp_path: Path, data: bytes) -> None:
    """What was altered is no own backup, whatever it has become; what isn't, is."""
    (tmp_path / backup_manifest.FILE).write_bytes(data)
    read = bounded(lambda: backup_manifest.read_own(tmp_path, "DE", [b"m" * 32]), NodeError)
    assert read == MANIFEST or read.code in ("backup-damaged", "backup-foreign", "schema-newer")


@quick
@given(data=spoilt(b"2026-11-29T20:00:00.000000Z 00000000-0000-4000-8000-000000000001\n"))
@example(data=b"\xff026-11-29T20:00:00.000000Z 00000000-0000-4000-8000-000000000001\n")
def test_lists_of_erased_cases(tmp_path: Path, data: bytes) -> None:
    """Whatever the list has become, what is added to it is in it, and what could be read still can."""
    path, new = tmp_path / erased.NAME, "00000000-0000-4000-8000-000000000002"
    path.write_bytes(data)
    before = bounded(lambda: erased.read(path))
    bounded(lambda: erased.add(path, {new: "2026-11-30T20:00:00.000000Z"}))
    assert erased.read(path).items() >= {**before, new: erased.read(path)[new]}.items()


@quick
@given(data=st.data(), which=st.integers(0, 30))
def test_key_files(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, which: int) -> None:
    """A damaged key file is named as the reason why the node doesn't start; nobody reads a stack trace."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder, "DE", SystemEntropy())
    files = sorted(path for path in folder.iterdir() if path.name not in ("operator.token", "state.seed"))
    path = files[which % len(files)]
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    read = bounded(lambda: load_keys(folder), NodeError)
    if isinstance(read, NodeError):
        assert read.code == "key-missing"
        assert path.stem in read.message or "key" in read.message
    else:
        CaseKeys(cast("Store", None), read.masters, SystemEntropy())


@quick
@given(spoilt(PAGE), st.sampled_from(["identity", "gzip", "br", ""]))
def test_directories(data: bytes, encoding: str) -> None:
    """A peer's page of a log is taken or refused with a code; a byte more or less and it isn't taken."""
    assert KEYS is not None
    read = bounded(lambda: read_page(decoded(encoding, data)), DirectoryError)
    if not isinstance(read, Exception):
        grown = bounded(lambda: grow(read, "DE", KEYS, (Tree(), ""), ASKED_AT), DirectoryError)
        assert isinstance(grown, Exception) or [leaf.authority for leaf in grown.leaves][1:] == [
            "DE-amt-1",
            "DE-zaek-berlin",
        ]


ANSWERS = spoilt(b'{"epoch":1,"next":5,"last":null}', b'{"code":"gap","epoch":1}', b'{"epoch":Infinity,"next":1e999}')


@quick
@given(ANSWERS, st.text(max_size=20), st.integers(100, 599))
def test_answers_of_a_peer(data: bytes, text: str, status: int) -> None:
    """Whatever a peer answers is understood or a refusal to be retried; Retry-After is a number or nothing."""
    answer = Answer(status, {"retry-after": text, "date": text}, data)
    told = bounded(lambda: read_told(data), ProtocolError)
    assert isinstance(told, ProtocolError) or 0 <= max(told.ours.next, told.directory, told.record) < 2**63
    page = bounded(lambda: parse_page(data), ProtocolError)
    assert isinstance(page, ProtocolError) or page.entries == ()
    assert len(refused(answer).code) <= 64
    assert len(fetcher._code(answer)) <= 64
    wait = retry_after(answer)
    assert wait is None or 0 <= wait < 10**6

    class Doctor:
        clock = SystemClock()
        country = "DE"

    bounded(lambda: list(probe._clock(Doctor(), "HU", answer)))  # type: ignore[arg-type]


BODIES = sorted(
    {route.body for route in ROUTES if route.body and route.body is not Upload}, key=lambda one: one.__name__
)


@settings(quick, max_examples=25)
@given(
    spoilt(b'{"authority":"DE-x","country":"HU","variables":{"person":{"given_names":"E"}},"due":"2026-12-14"}'),
    json_values,
)
@pytest.mark.parametrize("shape", BODIES, ids=lambda shape: shape.__name__)
def test_bodies_of_the_api(shape: Any, data: bytes, value: Any) -> None:
    """Each shape reads any body or refuses it as `invalid`, and reads back what it took."""
    for sent in (data, json.dumps(value).encode()):
        read = bounded(lambda s=sent: parse_json(s, shape), NodeError)
        if isinstance(read, NodeError):
            assert read.code == "invalid"
            assert all(isinstance(code, str) for code in read.fields.values())
        else:
            assert parse_json(read.model_dump_json(exclude_unset=True).encode(), shape) == read


def test_every_code_can_be_told() -> None:
    """Each code of the table makes an answer of the described shape."""
    for code in CODES:
        entry = NodeError(code).entry
        Problem(
            type="", title=entry.meaning, status=entry.status, detail="", instance="", code=code, hint="", fields={}
        )


paths = st.sampled_from([BATCHES, MEMBERS, DIRECTORY, STREAMS, STREAMS + "DE", BLOBS, BLOBS + "A" * 43]) | st.text(
    max_size=30
)
headers = st.dictionaries(
    st.sampled_from(["content-type", "range", "if-none-match", "accept-encoding", DIRECTORY_HEADER]),
    st.sampled_from([MEDIA_TYPE, "bytes=0-", "bytes=5-2", "bytes=-9", "*", "1 " + "A" * 43, "gzip;q=x"])
    | st.text(max_size=20),
    max_size=4,
)


async def test_calls_of_a_member(tmp_path: Path) -> None:
    """Any call of a member is answered, never with an error that nobody foresaw, and nothing of it is kept."""
    async with attacked(tmp_path) as attacker:
        loop, good = asyncio.get_running_loop(), [attacker.batch([attacker.request()]), attacker.batch([])]
        assert attacker.asked is not None
        calls = st.builds(
            Call,
            st.sampled_from(["GET", "POST", "PUT", "", "get"]),
            paths,
            st.dictionaries(
                st.sampled_from(["after_root", "x"]), st.text(max_size=12) | st.just("9" * 5000), max_size=2
            ),
            headers,
            spoilt(*good),
        )
        found: list[Call] = []

        @settings(quick, max_examples=300, suppress_health_check=list(HealthCheck))
        @given(calls)
        def collect(call: Call) -> None:
            found.append(call)

        collect()
        for call in found:
            for peer in ("DE", None, "XX"):
                begun = loop.time()
                answer = await handle(attacker.victim, peer, call)
                assert loop.time() - begun < 5
                assert answer.status != 500
                if answer.status >= 400:
                    told = json.loads(answer.body)
                    assert PROBLEMS[told["code"]].status == answer.status or PROBLEMS[told["code"]].final
                    assert told["detail"] != "an error inside the node", (call, told)


@pytest.mark.parametrize("cookie", ["[" * 2300, "%ff", '["success"]', "1e999", '["success","flash.sent",[]]', ""])
async def test_cookies_of_a_browser(tmp_path: Path, cookie: str) -> None:
    """A cookie that is none of ours is as good as none."""
    async with world(tmp_path, "DE") as one, dashboard(one["DE"]) as base, aiohttp.ClientSession() as session:
        sent = {"Cookie": f"entente_flash={cookie}; entente_session={cookie}; entente_lang={cookie}"}
        async with session.get(f"{base}/sign-in", headers=sent) as answer:
            assert answer.status == 200
