"""`entente translations`: check the texts in all languages."""

from typing import Annotated

import typer

from node.cli.areas import FolderOption, print_findings, texts_folder
from node.cli.output import say

app = typer.Typer(no_args_is_help=True, help="Check the texts in all languages.")


@app.callback()
def _group() -> None:
    """Keep `check` a command of its own."""


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
    from node.errors import NodeError
    from translations.check import check as check_all
    from translations.languages import LANGUAGES

    if unknown := sorted(set(language or ()) - set(LANGUAGES)):
        raise NodeError("unknown-language", f"{unknown[0]} isn't one of: {' '.join(LANGUAGES)}.")
    findings = check_all(texts_folder(folder), tuple(language) if language else LANGUAGES)
    print_findings(findings)
    if findings:
        raise typer.Exit(1)
    say(f"All texts are right, in {len(language or LANGUAGES)} languages.")
