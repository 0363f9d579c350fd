"""Read one YAML file of an area into a strict model; errors name the file and the line."""

from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from translations.finding import Finding
from translations.limits import YAML_DEPTH, YAML_FILE_BYTES, YAML_NODES

Model = TypeVar("Model", bound=BaseModel)

_LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class AreaError(ValueError):
    """An area that can't be used; `faults` says where and why."""

    def __init__(self, faults: list[Finding]) -> None:
        self.faults = faults
        super().__init__("\n".join(fault.shown() for fault in faults))


class Source(NamedTuple):
    """Where a model came from: its file, and the line of each id in it."""

    file: Path
    lines: dict[str, int]

    def fault(self, item_id: str, code: str, message: str) -> Finding:
        """Return a fault at the line of the id, or of the whole file."""
        return Finding(self.file, self.lines.get(item_id, 1), code, message)


def read_yaml(path: Path, model: type[Model]) -> tuple[Model, Source]:
    """Return the file as `model`, and where its ids stand. Raises AreaError."""
    text = _text(path)
    try:
        _bounded(text, path)
        node, value = _parsed(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise AreaError([Finding(path, mark.line + 1 if mark else 0, "invalid-yaml", problem)]) from error
    except ValueError as error:  # a scalar that looks like a date or number and isn't one
        raise AreaError([Finding(path, 0, "invalid-yaml", str(error))]) from error
    faults = _double_keys(node, path)
    if faults:
        raise AreaError(faults)
    try:
        return model.model_validate(value), Source(path, _id_lines(node))
    except ValidationError as error:
        raise AreaError([_schema_fault(path, node, detail) for detail in error.errors()]) from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > YAML_FILE_BYTES:
            raise AreaError([Finding(path, 0, "too-large", f"larger than {YAML_FILE_BYTES} bytes")])
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise AreaError([Finding(path, 0, "missing-file", "there is no such file")]) from error
    except UnicodeDecodeError as error:
        raise AreaError([Finding(path, 0, "invalid-yaml", "not UTF-8")]) from error


def _parsed(text: str) -> tuple[yaml.Node | None, object]:
    """Return the tree of a file, which knows the lines, and the value that it stands for."""
    loader = _LOADER(text)  # the safe one, in C where there is one
    try:
        node = loader.get_single_node()
        return node, loader.construct_document(node) if node is not None else None
    finally:
        loader.dispose()


def _bounded(text: str, path: Path) -> None:
    """Refuse aliases, depth and mass before anything is built from them."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_LOADER):
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused(path, event, "aliases and anchors are not allowed")
        if depth > YAML_DEPTH:
            raise _refused(path, event, f"nested deeper than {YAML_DEPTH} levels")
        if nodes > YAML_NODES:
            raise _refused(path, event, f"more than {YAML_NODES} values")


def _refused(path: Path, event: yaml.Event, message: str) -> AreaError:
    line = event.start_mark.line + 1 if event.start_mark else 0
    return AreaError([Finding(path, line, "invalid-yaml", message)])


def _double_keys(node: yaml.Node | None, path: Path) -> list[Finding]:
    """Return a fault for each key that a mapping has twice: YAML would silently take the last."""
    faults: list[Finding] = []
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            faults += _double_keys(child, path)
    elif isinstance(node, yaml.MappingNode):
        seen: set[object] = set()
        for key, child in node.value:
            if str(key.value) in seen:
                faults.append(Finding(path, key.start_mark.line + 1, "double-key", f"{key.value!r} stands twice"))
            seen.add(str(key.value))
            faults += _double_keys(child, path)
    return faults


def _id_lines(node: yaml.Node | None) -> dict[str, int]:
    """Return the line (from 1) of each `id:` and `code:` in the file; the first one counts."""
    lines: dict[str, int] = {}
    children = node.value if isinstance(node, yaml.SequenceNode | yaml.MappingNode) else []
    for child in children:
        key, value = child if isinstance(child, tuple) else (None, child)
        if key is not None and key.value in {"id", "code"} and isinstance(value, yaml.ScalarNode):
            lines.setdefault(value.value, value.start_mark.line + 1)
        for name, line in _id_lines(value).items():
            lines.setdefault(name, line)
    return lines


def _schema_fault(path: Path, node: yaml.Node | None, detail: object) -> Finding:
    """Return pydantic's finding with the line of the value it is about."""
    assert isinstance(detail, dict)
    where = detail["loc"]
    name = ".".join(str(step) for step in where) or "file"
    return Finding(path, _line(node, where), "invalid-field", f"{name}: {detail['msg']}")


def _line(node: yaml.Node | None, where: tuple[int | str, ...]) -> int:
    """Return the line (from 1) of the value at a path, or of the nearest thing above it."""
    line = node.start_mark.line + 1 if node else 0
    for step in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        else:
            node = None
        if node is None:
            return line
        line = node.start_mark.line + 1
    return line
