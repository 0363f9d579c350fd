"""What is installed is what was pinned, byte for byte."""

import re
import tomllib

import pytest

from tests.project.tree import text_of

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)
FILES = ("requirements.txt", "requirements-test.txt")


def _normal(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def _pins(path: str) -> dict[str, str]:
    return {name: version for name, version, _ in PIN.findall(text_of(path))}


@pytest.mark.parametrize("path", FILES)
def test_each_line_pins_a_version_with_digests(path):
    """Nothing but exact versions with SHA-256 digests stands in the file: no address, no option."""
    rest = PIN.sub("", text_of(path))
    assert [line for line in rest.splitlines() if line.strip() and not line.lstrip().startswith("#")] == []


def test_each_dependency_of_the_project_is_pinned():
    """A dependency that is added to pyproject.toml must be locked in the same commit."""
    project = tomllib.loads(text_of("pyproject.toml"))
    needed = {_normal(r) for r in (*project["project"]["dependencies"], *project["build-system"]["requires"])}
    for_tests = {_normal(r) for r in project["project"]["optional-dependencies"]["test"]}
    assert needed - set(_pins("requirements.txt")) == set()
    assert needed | for_tests <= set(_pins("requirements-test.txt"))


def test_tests_run_on_the_versions_that_are_delivered():
    """Each pin of the product stands with the same version among the pins of the tests."""
    assert _pins("requirements.txt").items() <= _pins("requirements-test.txt").items()
