"""`entente translations`: check the texts in all languages."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.areas import FolderOption, print_findings, texts_folder
from node.cli.context import read_file, write_file
from node.cli.output import say

app = typer.Typer(no_args_is_help=True, help="Check the texts in all languages; send them to translators and back.")

CatalogueArgument = Annotated[str, typer.Argument(metavar="CATALOGUE", help="interface, competences, areas/AREA.")]


def _catalogue(folder: Path | None, name: str) -> Path:
    """Return the folder of PO files of a catalogue; raises `not-found`."""
    from node.errors import NodeError

    place = texts_folder(folder) / name / "po"
    if ".." in Path(name).parts or not (place / "en.po").exists():
        raise NodeError("not-found", f"There is no catalogue {name}.", "interface, competences, areas/AREA.")
    return place


@app.command("export")
def export_texts(
    catalogue: CatalogueArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="FILE.xlf, FILE.tmx or FILE.xlsx.")],
    language: Annotated[list[str] | None, typer.Option("--language", "-l", help="Only these; XLIFF wants one.")] = None,
    folder: FolderOption = None,
) -> None:
    r"""Write the texts of a catalogue for translators, as XLIFF 1.2, TMX 1.4 or a spreadsheet.

    \b
    Examples:
      entente translations export areas/posting -l de -o posting.de.xlf
      entente translations export areas/posting -o posting.xlsx
    """
    from directory_sync.sheet import write_spreadsheet
    from node.errors import NodeError
    from translations import text_exchange
    from translations.languages import LANGUAGES

    _known(language)
    languages = [lang for lang in language or LANGUAGES if lang != "en"]
    found = text_exchange.units(_catalogue(folder, catalogue), languages)
    kind = output.suffix.lower()
    if kind == ".xlf" and len(languages) == 1:
        data = text_exchange.xliff(catalogue, languages[0], found)
    elif kind == ".tmx":
        data = text_exchange.tmx(found)
    elif kind == ".xlsx":
        heading, *rows = text_exchange.rows(found, languages)
        data = write_spreadsheet(heading, rows, "texts")
    else:
        raise NodeError("invalid", f"{output}: .xlf with one --language, .tmx or .xlsx.")
    write_file(output, data)
    say(f"Wrote {output}: {len(found)} texts.")


@app.command("import")
def import_texts(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.xlf, FILE.tmx or FILE.xlsx that came back.")],
    catalogue: CatalogueArgument,
    folder: FolderOption = None,
) -> None:
    r"""Take translations back: all of a file, or nothing where one is wrong. Texts left empty stay as they were.

    \b
    Examples:
      entente translations import posting.de.xlf areas/posting
    """
    from directory_sync.sheet import SheetError, is_spreadsheet, sheets_of
    from node.errors import NodeError
    from translations import text_exchange
    from translations.fill import fill

    place, data = _catalogue(folder, catalogue), read_file(file)
    try:
        if is_spreadsheet(data):
            returned = text_exchange.from_rows(next(iter(sheets_of(data).values())))
        else:
            returned = text_exchange.from_xml(data)
    except (SheetError, text_exchange.TextFileError) as error:
        raise NodeError("invalid", f"{file}: {error}") from None
    good, faults = text_exchange.accepted(place, file, returned)
    print_findings(faults)
    if faults:
        raise typer.Exit(1)
    for lang, texts in good.items():
        fill(place, lang, texts)
        say(f"Wrote {place / f'{lang}.po'}: {len(texts)} texts.")


def _known(languages: list[str] | None) -> None:
    from node.errors import NodeError
    from translations.languages import LANGUAGES

    if unknown := sorted(set(languages or ()) - set(LANGUAGES)):
        raise NodeError("unknown-language", f"{unknown[0]} isn't one of: {' '.join(LANGUAGES)}.")


@app.command()
def check(
    language: Annotated[list[str] | None, typer.Option("--language", "-l", help="Only these languages.")] = None,
    folder: FolderOption = None,
) -> None:
    r"""Check all PO files: completeness, placeholders, plural forms, glossary, and the areas.

    \b
    Examples:
      entente translations check
      entente translations check -l de -l hu
    """
    from translations.check import check as check_all
    from translations.languages import LANGUAGES

    _known(language)
    findings = check_all(texts_folder(folder), tuple(language) if language else LANGUAGES)
    print_findings(findings)
    if findings:
        raise typer.Exit(1)
    say(f"All texts are right, in {len(language or LANGUAGES)} languages.")
