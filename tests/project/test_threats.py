"""The page of threats and the tests that try them name each other."""

import ast
import re

from tests.project.tree import text_of

_ROW = re.compile(r"^\| (T-\d{3}) \| (.+) \| (.+) \| (.*) \| (.+) \|$", re.MULTILINE)
_ATTACKS = ("test_attacks", "test_attack_events", "test_tls", "test_gossip", "test_pressure")
"""Files of `tests/exchange` in which each test is an attack."""


def _threats() -> list[tuple[str, str, str, str, list[str]]]:
    rows = _ROW.findall(text_of("docs/threats.md"))
    return [
        (number, threat, control, rules, re.findall(r"`([^`]+)`", tests))
        for number, threat, control, rules, tests in rows
    ]


def _tests_in(path: str) -> set[str]:
    """Names of the tests in a file."""
    functions = (
        node for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return {function.name for function in functions if function.name.startswith("test_")}


def test_each_threat_has_a_control_and_a_test_that_is_there():
    """No row without a test, and no test that was renamed or deleted meanwhile."""
    threats = _threats()
    lines = [line for line in text_of("docs/threats.md").splitlines() if line.startswith("| T-")]
    assert len(lines) == len(threats) == len({number for number, *_ in threats}) > 0
    missing = []
    for number, threat, control, _, tests in threats:
        assert threat.strip(), number
        assert control.strip(), number
        assert tests, number
        for named in tests:
            path, _, name = named.partition("::")
            if name not in _tests_in(f"tests/{path}"):
                missing.append((number, named))
    assert missing == []


def test_each_attack_is_a_threat_of_the_page():
    """Whoever adds an attack says which threat it tries."""
    named = {test for *_, tests in _threats() for test in tests}
    attacks = {f"exchange/{file}.py::{name}" for file in _ATTACKS for name in _tests_in(f"tests/exchange/{file}.py")}
    assert sorted(attacks - named) == []


def test_each_rule_named_is_one():
    """The page cites rules of the specification only."""
    cited = {rule for _, _, _, rules, _ in _threats() for rule in rules.split(", ") if rule}
    assert sorted(rule for rule in cited if f"**[{rule}]**" not in text_of("protocol/SPEC.md")) == []
