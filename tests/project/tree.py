"""What the checks of this folder read: the project's own files, as git knows them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("node", "protocol", "directory_sync", "translations")


@cache
def project_files() -> tuple[str, ...]:
    """Paths from the root, with '/', of every file that is or may be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return tuple(sorted({path for path in listed if path and (ROOT / path).is_file()}))


@cache
def text_of(path: str) -> str:
    """Text of a file; empty where it is no UTF-8 text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def product_files(*endings: str) -> list[str]:
    """Files of the four packages with one of the endings."""
    return [path for path in project_files() if path.split("/")[0] in PACKAGES and path.endswith(endings)]


def files_of_tests() -> list[str]:
    """Python files of the tests, without the checks of this folder."""
    return [
        path
        for path in project_files()
        if path.startswith("tests/") and path.endswith(".py") and not path.startswith("tests/project/")
    ]


def documents() -> dict[str, str]:
    """Markdown that tells people how to use the project, by path; its history is not part of it."""
    return {
        path: text_of(path)
        for path in project_files()
        if path.endswith(".md") and path != "CHANGELOG.md" and not path.startswith("docs/adr/")
    }
