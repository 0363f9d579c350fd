"""The tree stays small in its parts, plainly named, and free of what belongs to one machine."""

import ast
import re
from pathlib import PurePosixPath

from tests.project.tree import ROOT, product_files, project_files, text_of

FILE_LINES = 400
FUNCTION_LINES = 50
ADR_LINES = 80

# Path, or path::function, with the reason why it may be longer. Should stay empty.
REASONED_EXCEPTIONS: dict[str, str] = {}

NAMELESS_NAMES = re.compile(r"(utils?|helpers?|common|base|managers?)", re.IGNORECASE)
SQL = re.compile(r"\s*(SELECT\b.* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|PRAGMA) ")
# Written so that this file doesn't hold what it looks for.
FOREIGN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.}/-])/(root|home/[a-z]\w*|Users/\w+)/[\w.]"),
    "the address of a package registry": re.compile(
        r"\b(pypi|pythonhosted|npmjs|npmmirror)[.](org|com)\b|/simple/[\w-]+/?#", re.IGNORECASE
    ),
    "an option that names a package index": re.compile(r"(?<![\w-])--(extra-)?(index-url|find-links)\b"),
}


def _long_files() -> dict[str, int]:
    lengths = {path: text_of(path).count("\n") for path in product_files(".py", ".html")}
    return {path: lines for path, lines in lengths.items() if lines > FILE_LINES}


def _long_functions() -> dict[str, int]:
    found: dict[str, int] = {}
    for path in product_files(".py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    found[f"{path}::{node.name}"] = lines
    return found


def test_no_file_or_function_is_too_long():
    """A product file has 400 lines at most and a function 50, or its reason is written here."""
    too_long = _long_files() | _long_functions()
    assert {name: lines for name, lines in too_long.items() if name not in REASONED_EXCEPTIONS} == {}
    assert set(REASONED_EXCEPTIONS) <= set(too_long), "an exception that is no longer needed"


def test_every_file_is_named_by_what_it_holds():
    """No file or folder hides behind a name that says nothing."""
    paths = [PurePosixPath(path) for path in project_files()]
    nameless = {str(path) for path in paths for part in path.parts if NAMELESS_NAMES.fullmatch(part.split(".")[0])}
    assert nameless == set()


def test_sql_is_in_the_store_alone():
    """Whoever is above the store calls its functions; so the tables are known to one package."""
    found = [
        f"{path}:{node.lineno}"
        for path in product_files(".py")
        if not path.startswith("node/store/")
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert found == []


def test_nothing_of_one_machine_is_committed():
    """No file names a developer's folder, a package registry or an option that points to one."""
    found = [
        f"{path}:{number}: {what}"
        for path in project_files()
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        for what, pattern in FOREIGN.items()
        if pattern.search(line)
    ]
    assert found == []


def test_the_papers_are_there():
    """Whoever gets the project finds its licence in full and the papers of an open project."""
    assert {"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} <= set(project_files())
    licence = text_of("LICENSE")
    assert licence.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\n")
    assert all(re.search(rf"^{article}\.\w", licence, re.MULTILINE) for article in range(1, 16))
    assert "Appendix" in licence


def test_the_root_holds_only_what_was_decided():
    """A new thing at the root needs a decision record and a line here."""
    decided = {
        *("node", "protocol", "directory_sync", "translations", "tests", "deploy", "docs", ".ci"),
        *("pyproject.toml", "requirements.txt", "requirements-test.txt", "Makefile", ".gitignore"),
        *("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"),
    }
    assert {path.split("/")[0] for path in project_files()} <= decided


def test_each_decision_is_numbered_and_fits_one_page():
    """Decision records are numbered 0001, 0002, ... without a gap and have 80 lines at most."""
    records = sorted((ROOT / "docs/adr").glob("*.md"))
    assert records
    for number, record in enumerate(records, start=1):
        assert re.fullmatch(rf"{number:04d}-[a-z0-9-]+\.md", record.name), record.name
        assert len(record.read_text(encoding="utf-8").splitlines()) <= ADR_LINES, record.name
