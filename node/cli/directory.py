"""`entente directory`: this country's authorities, and finding those of all countries."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli import directory_log
from node.cli.context import HERE, ConfigOption, JsonOption, read_file, run, write_file
from node.cli.member_keys import UnaskedOption, ask_peers
from node.cli.output import as_json, rows_read, say, table
from node.errors import NodeError

if TYPE_CHECKING:
    from directory_sync.authority import Authority
    from directory_sync.table import Read
    from node.domain.directory_view import Changes, Found
    from node.service.node import Node

Faults = list[tuple[int | str, str, str]]
"""What is wrong with a file: (row or authority, column, problem)."""

app = typer.Typer(no_args_is_help=True, help="The authorities of all countries.")


@app.command("import")
def import_table(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A table .csv or .xlsx, or records .json; - is standard input.")
    ],
    *,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", "-m", help="TOML file that says which of its columns is which of ours.")
    ] = None,
    complete: Annotated[bool, typer.Option(help="The file is everything: who isn't in it ends.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say what is wrong and what would change, row by row.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the history of each authority.")] = "Import",
    unasked: UnaskedOption = False,
    config: ConfigOption = HERE,
    json: JsonOption = False,
) -> None:
    r"""Publish authorities of this country from a table: all of them or, on any error, none.

    Errors name row and column as a spreadsheet counts. `entente directory export` writes the same form. A table
    with other columns needs a mapping file, see docs/authorities.md.

    \b
    Examples:
      entente directory import authorities.csv --dry-run
      entente directory import ministry.xlsx --mapping ministry.toml --dry-run
      entente directory import authorities.xlsx --complete --reason "Reform of 2027"
    """
    table_read = run(config, lambda node: _read(node, read_file(file), file, mapping))
    _refused([(fault.row, fault.column, fault.problem) for fault in table_read.errors], as_data=json)
    records = [one for _, one in table_read.records]
    try:
        rows = run(config, lambda node: _rows(node, table_read)) if dry_run else []
        changes = run(config, lambda node: _import(node, records, (complete, dry_run, unasked), reason))
    except NodeError as error:
        _refused(_of_records(error, records), as_data=json)
        raise
    _tell(changes, rows, dry_run=dry_run, as_data=json)


def _tell(changes: "Changes", rows: list[dict[str, Any]], *, dry_run: bool, as_data: bool) -> None:
    values = {name: getattr(changes, name) for name in ("version", "added", "changed", "ended", "unchanged")}
    if as_data:
        as_json({**values, "dry_run": dry_run, **({"rows": rows} if dry_run else {})})
        return
    words = ", ".join(f"{count} {name}" for name, count in values.items() if name != "version")
    say(f"{'Would be published' if dry_run else 'Published'}; the log has {values['version']} changes: {words}.")
    touched = [row for row in rows if row["state"] != "unchanged"]
    if touched:
        fields = [", ".join(one["field"] for one in row["fields"]) for row in touched]
        cells = zip(touched, fields, strict=True)
        table(
            ("row", "authority", "what", "fields"),
            [
                (row["row"], row["authority"], row["state"], names if row["state"] == "changed" else "")
                for row, names in cells
            ],
        )


async def _rows(node: "Node", table_read: "Read") -> list[dict[str, Any]]:
    from node.domain.access import operator
    from node.service.table_import import preview

    found, _ = await preview(node, operator(), table_read)
    return [
        {
            "row": one.row,
            "authority": one.authority,
            "state": one.state,
            "fields": [{"field": f.field, "before": f.before, "after": f.after} for f in one.fields],
        }
        for one in found
    ]


async def _read(node: "Node", data: bytes, file: Path, mapping: Path | None) -> "Read":
    """Read the file, whatever it is; a bar shows how far it is where somebody watches."""
    from directory_sync.table import CellError, Read
    from node.service.table_import import mapping_of, read

    if file.suffix == ".json" or data.lstrip()[:1] == b"[":
        records, faults = _from_json(data)
        return Read(tuple(enumerate(records, 1)), tuple(CellError(int(r), c, p) for r, c, p in faults))
    chosen = mapping_of(read_file(mapping) if mapping else b"")
    with rows_read(data) as told:
        return await read(node, data, chosen, told)


def _from_json(data: bytes) -> "tuple[list[Authority], Faults]":
    """Read a list of records; the first one is row 1."""
    import json

    from pydantic import ValidationError

    from directory_sync.authority import Authority

    try:
        values: Any = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return [], [(getattr(error, "lineno", 1), "", f"isn't JSON: {error}")]
    if not isinstance(values, list):
        return [], [(1, "", "a list of authorities is needed")]
    records: list[Authority] = []
    faults: Faults = []
    for row, value in enumerate(values, 1):
        try:
            records.append(Authority.model_validate(value))
        except ValidationError as error:
            faults += [
                (row, ".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors()
            ]
    return records, faults


def _of_records(error: NodeError, records: "list[Authority]") -> Faults:
    """Return what the directory says about single records; `fields` is `PLACE.FIELD` → problem."""
    places = [(field.partition("."), problem) for field, problem in error.fields.items()]
    return [(records[int(place)].id, name, problem) for (place, _, name), problem in places if place.isdigit()]


def _refused(errors: Faults, *, as_data: bool) -> None:
    """Print the errors and end, if there are any."""
    if not errors:
        return
    if as_data:
        as_json({"errors": [{"row": row, "column": column, "problem": problem} for row, column, problem in errors]})
    else:
        table(("row", "column", "problem"), errors)
        say(f"{len(errors)} errors; nothing was changed.")
    raise typer.Exit(1)


async def _import(node: "Node", records: "list[Authority]", how: tuple[bool, bool, bool], reason: str) -> "Changes":
    from node.domain.access import operator
    from node.service.authority_edit import Why, publish

    complete, dry_run, unasked = how
    if not dry_run:
        await ask_peers(node, unasked=unasked)
    return await publish(node, operator(), records, Why("import", reason), complete=complete, dry_run=dry_run)


@app.command()
def export(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A new file, .csv, .xlsx or .json; standard output if left out."),
    ] = None,
    config: ConfigOption = HERE,
    json: Annotated[bool, typer.Option("--json", help="Records as JSON instead of a table.")] = False,
) -> None:
    r"""Write this country's authorities as a CSV or XLSX table for a spreadsheet, or as JSON.

    \b
    Examples:
      entente directory export -o authorities.xlsx
      entente directory export --json > authorities.json
    """
    kind = output.suffix if output else ""

    async def work(node: "Node") -> bytes:
        from node.domain.access import operator
        from node.service import table_import
        from node.service.directory import export_authorities

        if not json and kind != ".json":
            return await table_import.export(node, operator(), spreadsheet=kind == ".xlsx")
        import json as writer

        rows = [record.model_dump(mode="json") for record in export_authorities(node, operator())]
        return (writer.dumps(rows, ensure_ascii=False, indent=2) + "\n").encode()

    data = run(config, work)
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    write_file(output, data)
    say(f"Wrote {output}")


@app.command()
def search(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]...", help="In any order and spelling.")] = None,
    *,
    country: Annotated[str, typer.Option(help="Only this country.")] = "",
    area: Annotated[str, typer.Option(help="Only authorities of this legal area.")] = "",
    level: Annotated[str, typer.Option(help="Only national, regional or local ones.")] = "",
    region: Annotated[str, typer.Option(help="Only in a region (NUTS, ISO 3166-2) or for all of it.")] = "",
    competence: Annotated[str, typer.Option(help="Only with a code such as profession:midwife.")] = "",
    understands: Annotated[str, typer.Option(help="Only those that understand this language.")] = "",
    language: Annotated[str, typer.Option("--language", "-l", help="Language of the answers.")] = "en",
    limit: Annotated[int, typer.Option(help="How many at most, up to 100.")] = 20,
    config: ConfigOption = HERE,
    json: JsonOption = False,
) -> None:
    r"""Find authorities of all countries by name, informal title, place, profession, activity or area.

    Words stand in any order and any of the languages, with or without accents, one typing error in each.

    \b
    Examples:
      entente directory search zahnärzte berlin -l de
      entente directory search οδοντίατρος --level national --understands de
    """

    async def work(node: "Node") -> list[dict[str, Any]]:
        from node.domain.access import operator
        from node.domain.directory_view import Query
        from node.service.find import search as found

        query = Query(
            " ".join(words or ()),
            country=country or None,
            area=area or None,
            level=level or None,
            region=region or None,
            competence=competence or None,
            understands=understands or None,
            limit=limit,
        )
        page = await found(node, operator(), query, language)
        return [_shown(one) for one in page.items]

    rows = run(config, work)
    if json:
        as_json(rows)
        return
    headings = ("authority", "name", "title", "place")
    table(headings, [[row[name] for name in headings] for row in rows])
    if not rows:
        raise typer.Exit(1)


def _shown(one: "Found") -> dict[str, Any]:
    return {
        "authority": one.authority,
        "country": one.country,
        "name": one.name,
        "title": one.title.text if one.title else "",
        "place": one.place,
        "level": one.level,
        "answer_days": one.answer_days,
        "why": [reason.text for reason in one.why],
    }


for _command in directory_log.COMMANDS:
    app.command()(_command)
