"""The specification and the code that keeps it name each other."""

import re

from tests.project.tree import files_of_tests, product_files, text_of

RULE = re.compile(r"^\s*(?:[-*>] )?\*\*\[(S-\d{3})\]\*\*(.*)$", re.MULTILINE)
CITED = re.compile(r"\bSPEC (S-\d{3}(?:(?:,\s*| and |, and )S-\d{3})*)")
OBLIGATION = re.compile(r"\b(MUST|SHALL|REQUIRED|SHOULD|RECOMMENDED|MAY|OPTIONAL)\b")


def _rules() -> list[str]:
    return [number for number, _ in RULE.findall(text_of("protocol/SPEC.md"))]


def _cited(paths: list[str]) -> set[str]:
    """Numbers of the rules cited as `SPEC S-012` or `SPEC S-012, S-013`."""
    return {
        number for path in paths for cited in CITED.findall(text_of(path)) for number in re.findall(r"S-\d{3}", cited)
    }


def test_rules_are_numbered_once():
    """The rules of the first version are numbered in the order of reading; later ones stand where they belong."""
    rules = _rules()
    assert len(set(rules)) == len(rules)
    assert [rule for rule in rules if rule <= "S-125"] == [f"S-{number:03d}" for number in range(1, 126)]


def test_each_rule_obliges():
    """A numbered rule says in the words of RFC 2119 how far it binds."""
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:[-*>] )?\*\*\[S-)", text_of("protocol/SPEC.md"))
    rules = [paragraph for paragraph in paragraphs if RULE.search(paragraph)]
    assert [rule for rule in rules if not OBLIGATION.search(rule)] == []


def test_each_rule_is_kept_by_code():
    """Each rule is cited where the code keeps it."""
    assert sorted(set(_rules()) - _cited(product_files(".py"))) == []


def test_each_rule_is_shown_by_a_test():
    """Each rule is cited in a test that would fail if it were broken."""
    assert sorted(set(_rules()) - _cited(files_of_tests())) == []


def test_no_citation_is_stale():
    """Code and tests cite only rules that are in the specification."""
    assert sorted(_cited([*product_files(".py"), *files_of_tests()]) - set(_rules())) == []
