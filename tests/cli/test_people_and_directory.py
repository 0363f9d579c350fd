"""`entente user`, `directory`, `areas`, `translations`: what an operator does on a normal day."""

import csv
import io
import json
from pathlib import Path

import pytest

from directory_sync.demo import demo_authorities
from directory_sync.sheet import write_spreadsheet
from directory_sync.table import write_table
from node.config import load
from tests.cli.conftest import Entente, init
from tests.node.coordinated import country as coordinated_country


@pytest.fixture
def table(entente: Entente, folder: Path) -> Path:
    """Make a German node, and the demo's authorities as a table."""
    init(entente, "DE")
    path = folder / "authorities.csv"
    path.write_text(write_table(demo_authorities("DE")), encoding="utf-8")
    return path


def test_a_table_is_published_and_comes_back_as_it_was(entente: Entente, table: Path):
    """Imported, searched and exported: the same table; a second import changes nothing."""
    count = len(demo_authorities("DE"))
    would = entente("directory", "import", table, "--dry-run", "-C", "de").out
    assert would.startswith(f"Would be published; the log has {count} changes: {count} added")
    assert entente("directory", "export", "--json", "-C", "de").data == []
    assert entente("directory", "import", table, "-C", "de").out.startswith(f"Published; the log has {count} changes")
    assert entente("directory", "export", "-C", "de").out.encode() == table.read_bytes().replace(b"\r\n", b"\n") or (
        list(csv.reader(io.StringIO(entente("directory", "export", "-C", "de").out)))
        == list(csv.reader(io.StringIO(table.read_text())))
    )
    again = entente("directory", "import", table, "--complete", "--json", "-C", "de").data
    assert (again["added"], again["changed"], again["ended"], again["unchanged"]) == (0, 0, 0, count)
    found = entente("directory", "search", "zahnarztekammer", "berlin", "-l", "de", "--json", "-C", "de").data
    assert found[0]["authority"] == "DE-zaek-berlin"
    assert found[0]["title"]
    assert entente("directory", "search", "nothing-of-the-kind", "-C", "de", code=1).out.startswith("authority")


def test_errors_name_row_and_column_and_nothing_is_published(entente: Entente, table: Path):
    """One wrong cell refuses the whole table."""
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2].replace("DE-", "HU-", 1)
    table.write_text("\n".join(lines), encoding="utf-8")
    said = entente("directory", "import", table, "-C", "de", code=1).out
    assert "nothing was changed" in said
    assert [row.split()[:2] for row in said.splitlines()[1:2]] == [["3", "id"]]
    table.write_bytes(b"\xff\xfe")
    assert "isn't UTF-8" in entente("directory", "import", table, "-C", "de", code=1).out
    assert entente("directory", "export", "--json", "-C", "de").data == []


def test_a_ministry_s_spreadsheet_is_looked_at_and_published(entente: Entente, table: Path, folder: Path):
    """Other columns by a mapping, row by row in a dry run; then a history, an undo and an end by command."""
    entente("directory", "import", table, "-C", "de")
    sheet = [["Nummer", "Name der Stelle", "Ort"], ["007", "=Amt", "Bonn"], ["008", "Amt 8", "Köln"]]
    (folder / "ministry.xlsx").write_bytes(write_spreadsheet(sheet[0], sheet[1:]))
    (folder / "ministry.toml").write_text(
        '[columns]\nNummer = "id"\n"Name der Stelle" = "name"\nOrt = "place"\n[prefix]\nid = "DE-reg-"\n'
        '[values]\nname_lang = "de"\nlevel = "local"\nvalid_from = "2026-01-01"\n'
    )
    how = ("directory", "import", "ministry.xlsx", "--mapping", "ministry.toml", "-C", "de")
    would = entente(*how, "--dry-run", "--json").data
    assert [(row["row"], row["authority"], row["state"]) for row in would["rows"]] == [
        (2, "DE-reg-007", "added"), (3, "DE-reg-008", "added"),
    ]  # fmt: skip
    assert "DE-reg-007" in entente(*how, "--dry-run").out
    assert "2 added" in entente(*how, "--reason", "Register of 2027").out
    assert "=Amt" in entente("directory", "export", "-C", "de").out
    entente("directory", "export", "-o", "all.xlsx", "-C", "de")
    again = entente("directory", "import", "all.xlsx", "--json", "-C", "de").data
    assert (again["added"], again["changed"]) == (0, 0)
    (told,) = entente("directory", "history", "DE-reg-007", "--json", "-C", "de").data
    assert (told["kind"], told["reason"], told["by"]) == ("import", "Register of 2027", "operator")
    ended = entente("directory", "end", "DE-reg-007", "--until", "2027-12-31", "--successor", "DE-reg-008",
                    "--reason", "Merged", "-C", "de").out  # fmt: skip
    assert "version 2" in ended
    change = entente("directory", "history", "DE-reg-007", "--json", "-C", "de").data[0]["change"]
    assert "version 3" in entente("directory", "undo", "DE-reg-007", change, "--reason", "Not yet", "-C", "de").out
    assert "end" in entente("directory", "history", "DE-reg-007", "-C", "de").out
    wrong = entente("directory", "undo", "DE-reg-007", "99999", "--reason", "x", "-C", "de", code=1).err
    assert "not-found" in wrong
    (folder / "ministry.toml").write_text("colour = 1")
    assert "mapping" in entente(*how, code=1).err


def test_an_invitation_goes_its_way_by_command(entente: Entente, table: Path):
    """Invited by a coordinator of the list, listed, renewed and withdrawn; who coordinates nothing invites nobody."""
    records = [one.model_dump(mode="json") for one in coordinated_country()]
    (table.parent / "country.json").write_text(json.dumps(records))
    entente("directory", "import", "country.json", "-C", "de")
    link = entente("directory", "invite", "DE-state", "--note", "Chamber", "-C", "de").out.strip()
    assert "/invitation/" in link
    (one,) = entente("directory", "registrations", "--json", "-C", "de").data
    assert (one["note"], one["state"]) == ("Chamber", "invited")
    assert entente("directory", "return", one["registration"], "-C", "de").out.strip() != link
    assert "stale" in entente("directory", "approve", one["registration"], "--reason", "x", "-C", "de", code=1).err
    entente("directory", "withdraw", one["registration"], "-C", "de")
    assert "withdrawn" in entente("directory", "registrations", "-C", "de").out
    assert "forbidden" in entente("directory", "invite", "DE-other", "--note", "x", "-C", "de", code=1).err


def test_records_of_another_country_are_refused_by_name(entente: Entente, table: Path, folder: Path):
    """JSON is checked like a table, and what only the node can know is said by authority."""
    records = [one.model_dump(mode="json") for one in demo_authorities("HU")][:1]
    (folder / "hu.json").write_text(json.dumps(records))
    said = entente("directory", "import", "hu.json", "--json", "-C", "de", code=1).data
    assert {"row": records[0]["id"], "column": "country", "problem": "foreign"} in said["errors"]
    (folder / "hu.json").write_text(json.dumps([{"id": "DE-x"}]))
    assert entente("directory", "import", "hu.json", "--json", "-C", "de", code=1).data["errors"][0]["row"] == 1


def test_a_person_comes_and_goes(entente: Entente, table: Path):
    """Added with a link, listed, ended; the link's address is the dashboard's, and nobody makes her a token."""
    entente("directory", "import", table, "-C", "de")
    who = ("--name", "Anna Berger", "--role", "handler", "--authority", "DE-zaek-berlin")
    url = load(table.parent / "de").web.url
    assert f"{url}/link/" in entente("user", "add", "anna", *who, "-C", "de").out
    assert "/link/" in entente("user", "link", "anna", "-C", "de").out
    assert "forbidden" in entente("user", "token", "anna", "--label", "test", "-C", "de", code=1).err
    assert entente("user", "list", "--json", "-C", "de").data[0]["state"] == "no password yet"
    entente("user", "end", "anna", "-C", "de")
    assert entente("user", "list", "--json", "-C", "de").data[0]["state"] == "ended"
    assert "not-found" in entente("user", "link", "anna", "-C", "de", code=1).err


def test_a_system_comes_and_goes(entente: Entente, table: Path):
    """A service account has tokens instead of a link; each is listed and revoked by its id."""
    entente("directory", "import", table, "-C", "de")
    who = ("--name", "Register software", "--role", "handler", "--authority", "DE-zaek-berlin")
    added = entente("user", "add", "register", "--service", *who, "-C", "de").out
    assert "/link/" not in added
    assert "forbidden" in entente("user", "link", "register", "-C", "de", code=1).err
    token = entente("user", "token", "register", "--label", "night run", "--days", "30", "-C", "de").out.strip()
    assert token.startswith("entente_")
    (listed,) = entente("user", "tokens", "register", "--json", "-C", "de").data
    assert (listed["label"], listed["used"]) == ("night run", "")
    assert token not in entente("user", "tokens", "register", "-C", "de").out
    (account,) = entente("user", "list", "--json", "-C", "de").data
    assert (account["kind"], account["state"]) == ("service", "active")
    assert "not-found" in entente("user", "end-token", "register", "no-such-token", "-C", "de", code=1).err
    hyphen = "-Oh" + listed["id"][3:]
    assert "not-found" in entente("user", "end-token", "register", hyphen, "-C", "de", code=1).err
    entente("user", "end-token", "register", listed["id"], "-C", "de")
    assert entente("user", "tokens", "register", "--json", "-C", "de").data == []
    wrong = ("--name", "Root", "--role", "operator", "--service")
    assert "roles: not-for-a-service" in entente("user", "add", "root", *wrong, "-C", "de", code=1).err


def test_what_is_wrong_with_a_person_is_named_by_field(entente: Entente, table: Path):
    """An unknown authority and an unknown role end with the field's name."""
    entente("directory", "import", table, "-C", "de")
    wrong = ("user", "add", "anna", "--name", "Anna", "--role", "king", "--authority", "DE-nowhere", "-C", "de")
    assert "roles: malformed" in entente(*wrong, code=1).err
    unknown = ("user", "add", "anna", "--name", "Anna", "--role", "handler", "--authority", "DE-nowhere", "-C", "de")
    assert "authorities: unknown-authority" in entente(*unknown, code=1).err


def test_areas_and_texts_are_listed_and_checked(entente: Entente, folder: Path):
    """The shipped areas are right; a broken one is named with file and line, as compilers do."""
    sets = {row["set"] for row in entente("areas", "list", "--json").data}
    assert "establishment" in sets
    assert "right" in entente("areas", "check").out
    broken = folder / "texts/areas/broken"
    broken.mkdir(parents=True)
    (broken / "area.yaml").write_text("id: broken\nversion: one\n")
    said = entente("areas", "check", "--folder", folder / "texts", code=1).out
    assert "texts/areas/broken/area.yaml:2: invalid-field" in said
    assert "unknown-language" in entente("translations", "check", "-l", "xx", code=1).err
