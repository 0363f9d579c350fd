"""`entente areas`: the legal areas that this installation knows."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli import area_change
from node.cli.context import JsonOption, read_file, run
from node.cli.output import as_json, say, table

if TYPE_CHECKING:
    from node.service.node import Node
    from translations.area import Areas
    from translations.finding import Finding

app = typer.Typer(no_args_is_help=True, help="List, check, sign, publish and accept the legal areas.")
for _command in area_change.COMMANDS:
    app.command()(_command)

FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Another folder of texts and areas than the installed one.")
]


def texts_folder(folder: Path | None) -> Path:
    """Return the folder that holds areas/, interface/ and glossary/."""
    import translations

    return folder or Path(translations.__file__).parent


@app.command("list")
def list_areas(
    json: JsonOption = False,
    folder: FolderOption = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-C", help="The areas of this node, those that states signed too.")
    ] = None,
) -> None:
    r"""List areas, their question sets and versions.

    \b
    Examples:
      entente areas list
      entente areas list -C /srv/entente --json
    """
    from translations.area import load_areas
    from translations.yaml_file import AreaError

    async def of_node(node: "Node") -> "Areas":
        return node.areas

    try:
        areas = run(config, of_node) if config else load_areas(texts_folder(folder) / "areas")
    except AreaError as error:
        print_findings(error.faults)
        raise typer.Exit(1) from None
    rows = [
        {
            "area": area.id,
            "version": area.version,
            "title": area.catalogue.text(area.rules.title, "en").text,
            "set": one.id,
            "set_version": one.version,
            "questions": sum(item.type != "group" for item in one.by_id.values()),
            "sha256": one.sha256,
            "pilot": area.rules.pilot,
            "pilot_of": list(area.pilot_of),
        }
        for area in areas.values()
        for one in area.question_sets.values()
    ]
    if json:
        as_json(rows)
    else:
        headings = ("area", "version", "set", "set_version", "questions", "title")
        table(headings, [[row[name] for name in headings] for row in rows])


@app.command()
def new(
    area: Annotated[str, typer.Argument(metavar="AREA", help="Its id: lower-case letters, digits and dashes.")],
    title: Annotated[str, typer.Option(help="Its title in English.")],
    like: Annotated[str, typer.Option(help="The installed area whose sets and texts it begins with.")] = "general",
    folder: Annotated[Path, typer.Option("--folder", help="Where areas/AREA is made.")] = Path(),
) -> None:
    r"""Begin a new area as a folder: a pilot with the sets and the texts of another area, for you to change.

    \b
    Examples:
      entente areas new fisheries --title "Control of fisheries"
      entente areas new fisheries --title "Control of fisheries" --like services --folder work
    """
    from node.errors import NodeError
    from translations.area import load_areas
    from translations.area_folder import begin, write_folder
    from translations.yaml_file import AreaError

    known = load_areas(texts_folder(None) / "areas")
    if like not in known:
        raise NodeError("unknown-area", f"There is no area {like}.", f"One of: {', '.join(known)}.")
    place = folder / "areas" / area
    if place.exists():
        raise NodeError("exists", f"{place} exists already.")
    try:
        made = begin(known[like], area, title)
    except AreaError as error:
        raise NodeError("area-refused", error.faults[0].message) from None
    write_folder(made, place)
    say(f"Wrote {place}", f"entente areas check --folder {folder}")


@app.command("import")
def import_form(
    form: Annotated[Path, typer.Argument(metavar="FORM.xlsx", help="A spreadsheet with XLSForm columns.")],
    area: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of an area, with area.yaml in it.")],
) -> None:
    r"""Make a question set of an area from a spreadsheet, or replace it: sheets survey, choices, settings, variables.

    What a set can't express is refused with row and column, and nothing is written.

    \b
    Examples:
      entente areas import inspections.xlsx areas/fisheries
    """
    from directory_sync.sheet import SheetError, sheets_of
    from node.errors import NodeError
    from translations.area import load_area
    from translations.area_folder import write_folder
    from translations.xlsform import with_form
    from translations.yaml_file import AreaError

    try:
        made = with_form(load_area(area), sheets_of(read_file(form)), form)
    except SheetError as error:
        raise NodeError("invalid", f"{form}: {error.detail}") from None
    except AreaError as error:
        print_findings(error.faults)
        raise typer.Exit(1) from None
    say(*(f"Wrote {path}" for path in write_folder(made, area)))


@app.command()
def check(
    language: Annotated[list[str] | None, typer.Option("--language", "-l", help="Texts in these only.")] = None,
    folder: FolderOption = None,
) -> None:
    r"""Check the areas: files, references, follow-ups, texts in all languages. Findings name file and line.

    \b
    Examples:
      entente areas check
      entente areas check -l en --folder .
    """
    from translations.check import check_area_texts, check_areas
    from translations.languages import LANGUAGES

    root = texts_folder(folder)
    findings = sorted({*check_areas(root), *check_area_texts(root, language or LANGUAGES)})
    print_findings(findings)
    if findings:
        raise typer.Exit(1)
    say("All areas are right.")


def print_findings(findings: "Iterable[Finding]") -> None:
    """Print findings as compilers do, FILE:LINE: CODE: MESSAGE."""
    for finding in findings:
        say(finding.shown())
