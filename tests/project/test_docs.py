"""Whatever a person can type, set or be told is written in the documentation."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import pytest
import typer.main
from pydantic import BaseModel

import node.errors
import protocol.problems
from node.cli.app import app
from node.config import Config
from tests.project.tree import ROOT, documents


def _commands(command: Any, name: str) -> Iterator[str]:
    """Name in full the commands at the leaves, such as `entente member propose`."""
    children = getattr(command, "commands", {})
    if not children:
        yield name
    for child_name, child in children.items():
        if not child.hidden:
            yield from _commands(child, f"{name} {child_name}")


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Models inside an annotation such as `Tls | None` or `dict[str, Peer]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _keys(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Name the configuration keys with their section, such as `peers.listen`."""
    for name, field in model.model_fields.items():
        if field.exclude:  # where the file lies: no key of it
            continue
        key = f"{section}.{field.alias or name}".lstrip(".")
        inner = _models(field.annotation)
        if not inner:
            yield key
        for part in inner:
            yield from _keys(part, key)


def _codes(problems: Mapping[str, Any] | Iterable[Any]) -> list[str]:
    return [str(getattr(problem, "code", problem)) for problem in problems]


COMMANDS = sorted(_commands(typer.main.get_command(app), "entente"))
KEYS = sorted(set(_keys(Config)))
CODES = sorted({*_codes(node.errors.CODES), *_codes(protocol.problems.PROBLEMS)})


def _written(pattern: str) -> bool:
    return any(re.search(pattern, text, re.MULTILINE) for text in documents().values())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_documented(command):
    """Each command of the command line occurs in the documentation by its full name."""
    assert _written(rf"{re.escape(command)}\b")


@pytest.mark.parametrize("key", KEYS)
def test_each_configuration_key_is_documented(key):
    """Each key occurs as `section.key`, as `key`, or as a line of a TOML example."""
    last = re.escape(key.rpartition(".")[2])
    assert _written(rf"`{re.escape(key)}`|`{last}`|^\s*#?\s*{last} = ")


@pytest.mark.parametrize("code", CODES)
def test_each_problem_code_is_documented(code):
    """Each code that a node answers with occurs in the documentation, marked as code."""
    assert _written(rf"`{re.escape(code)}`|^\s*{{?.*\"{re.escape(code)}\"")


def test_each_link_leads_somewhere():
    """Each relative link in the documentation leads to a file or folder of the project."""
    broken = [
        f"{path}: {target}"
        for path, text in documents().items()
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)\s#]+)", text)
        if not (ROOT / path).parent.joinpath(target).exists()
    ]
    assert broken == []
