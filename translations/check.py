"""Check all texts and areas below one folder: what `entente translations check` and `areas check` show."""

from collections.abc import Sequence
from pathlib import Path

from translations.area import Area, read_area
from translations.area_faults import area_faults
from translations.check_catalogue import catalogue_findings, read_catalogue
from translations.check_glossary import glossary_findings
from translations.competence import competence_findings
from translations.finding import Finding
from translations.languages import LANGUAGES
from translations.placeholders import placeholders
from translations.question_set import Item
from translations.yaml_file import AreaError, Source


def check(root: Path, languages: Sequence[str] = LANGUAGES) -> list[Finding]:
    """Return all findings below `root`: `interface/po`, `areas/*`, `competences` and `glossary`; sorted."""
    competences = root / "competences"
    folders = [root / "interface" / "po", competences / "po", *(folder / "po" for folder in area_folders(root))]
    catalogues = [read_catalogue(folder, languages) for folder in folders if folder.exists()]
    findings = [each for catalogue in catalogues for each in catalogue_findings(catalogue, languages)]
    findings += glossary_findings(root / "glossary", catalogues, languages)
    findings += competence_findings(competences) if competences.exists() else []
    return sorted({*findings, *check_areas(root)})


def check_areas(root: Path) -> list[Finding]:
    """Return what is wrong with the areas below `root / "areas"`: files, references, texts; sorted."""
    return sorted(finding for folder in area_folders(root) for finding in area_findings(folder))


def area_folders(root: Path) -> list[Path]:
    """Return the folder of each area, sorted."""
    return sorted(path.parent for path in (root / "areas").glob("*/area.yaml"))


def area_findings(folder: Path) -> list[Finding]:
    """Return what is wrong with one area, its English texts included."""
    try:
        area, sources = read_area(folder)
    except AreaError as error:
        return error.faults
    faults = area_faults(area.lists, area.variables, area.question_sets, sources)
    return faults + _missing_texts(area, sources) + _undeclared(area, sources) + _unused_texts(area, folder)


def _text_uses(area: Area) -> list[tuple[str, str, str]]:
    """Return (source, id whose line is shown, text id) of every text that the area names."""
    uses = [("area.yaml", area.id, area.rules.title)]
    uses += [("variables.yaml", each.id, each.text) for each in area.variables.values()]
    uses += [("variables.yaml", each.id, each.hint) for each in area.variables.values() if each.hint]
    for code_list in area.lists.values():
        uses += [(f"lists/{code_list.id}.yaml", entry.code, entry.text) for entry in code_list.codes]
    for question_set in area.question_sets.values():
        name, items = f"questions/{question_set.id}.yaml", question_set.by_id.values()
        uses += [(name, question_set.id, question_set.title), *((name, item.id, item.text) for item in items)]
        uses += [(name, item.id, item.hint) for item in items if item.hint]
    return uses


def _missing_texts(area: Area, sources: dict[str, Source]) -> list[Finding]:
    ids = area.catalogue.ids()
    return [
        sources[source].fault(item_id, "missing-text", f"en.po has no {text_id}")
        for source, item_id, text_id in _text_uses(area)
        if text_id not in ids
    ]


def _unused_texts(area: Area, folder: Path) -> list[Finding]:
    unused = area.catalogue.ids() - {text_id for _, _, text_id in _text_uses(area)}
    return [Finding(folder / "po" / "en.po", 0, "unused-text", f"nothing names {text_id}") for text_id in unused]


def _undeclared(area: Area, sources: dict[str, Source]) -> list[Finding]:
    """Return the items whose text shows a variable that neither they nor the items above them declare."""
    findings: list[Finding] = []

    def visit(item: Item, declared: frozenset[str], source: Source) -> None:
        declared |= set(item.variables)
        template = area.catalogue.template(item.text, "en")
        for name in sorted(placeholders(template.text) - declared if template else ()):
            message = f"{item.text} shows {{{name}}}, which {item.id} doesn't declare"
            findings.append(source.fault(item.id, "undeclared-variable", message))
        for child in item.items:
            visit(child, declared, source)

    for question_set in area.question_sets.values():
        for top in question_set.items:
            visit(top, frozenset(), sources[f"questions/{question_set.id}.yaml"])
    return findings
