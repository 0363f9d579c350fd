"""Check all texts and areas below one folder: what `entente translations check` and `areas check` show."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from translations.area import SHARED, Area, read_area, read_common, sound
from translations.area_faults import area_faults
from translations.area_texts import part_uses, text_uses, undeclared
from translations.catalogue import Catalogue
from translations.check_catalogue import catalogue_findings, read_catalogue
from translations.check_glossary import glossary_findings
from translations.competence import competence_findings
from translations.finding import Finding
from translations.languages import LANGUAGES
from translations.yaml_file import AreaError, Source


def check(root: Path, languages: Sequence[str] = LANGUAGES) -> list[Finding]:
    """Return all findings below `root`: `interface/po`, `areas/*`, `competences` and `glossary`; sorted."""
    competences = root / "competences"
    areas = [*area_folders(root), root / "areas" / SHARED]
    folders = [root / "interface" / "po", competences / "po", *(folder / "po" for folder in areas)]
    catalogues = [read_catalogue(folder, languages) for folder in folders if folder.exists()]
    findings = [each for catalogue in catalogues for each in catalogue_findings(catalogue, languages)]
    findings += glossary_findings(root / "glossary", catalogues, languages)
    findings += competence_findings(competences) if competences.exists() else []
    return sorted({*findings, *check_areas(root)})


def check_areas(root: Path) -> list[Finding]:
    """Return what is wrong with the areas below `root / "areas"`: files, references, texts; sorted."""
    findings = [finding for folder in area_folders(root) for finding in area_findings(folder)]
    return sorted([*findings, *_shared_findings(root / "areas" / SHARED, area_folders(root))])


def check_area_texts(root: Path, languages: Sequence[str]) -> list[Finding]:
    """Return what is wrong with the texts of the areas, and what they share, in some languages; sorted."""
    folders = [folder / "po" for folder in (*area_folders(root), root / "areas" / SHARED)]
    found = [read_catalogue(folder, languages) for folder in folders if folder.exists()]
    return sorted(each for catalogue in found for each in catalogue_findings(catalogue, languages))


def area_folders(root: Path) -> list[Path]:
    """Return the folder of each area, sorted."""
    return sorted(path.parent for path in (root / "areas").glob("*/area.yaml"))


def area_findings(folder: Path) -> list[Finding]:
    """Return what is wrong with one area, its English texts included."""
    try:
        area, sources = read_area(folder)
    except AreaError as error:
        return error.faults
    found = sound(area, sources) + _missing_texts(area, sources)
    return found + _undeclared(area, sources) + _unused_texts(area, folder)


def _missing_texts(area: Area, sources: dict[str, Source]) -> list[Finding]:
    ids = area.catalogue.ids()
    return [
        sources[source].fault(item_id, "missing-text", f"en.po has no {text_id}")
        for source, item_id, text_id in text_uses(area)
        if text_id not in ids
    ]


def _unused_texts(area: Area, folder: Path) -> list[Finding]:
    own, path = Catalogue(folder / "po").ids(), folder / "po" / "en.po"
    common = Catalogue(folder.parent / SHARED / "po").ids()
    found = _unused(path, own - {text_id for _, _, text_id in text_uses(area)})
    return found + [Finding(path, 0, "double-text", f"{text_id} is in {SHARED} too") for text_id in own & common]


def _unused(path: Path, text_ids: Iterable[str]) -> list[Finding]:
    return [Finding(path, 0, "unused-text", f"nothing names {text_id}") for text_id in text_ids]


def _shared_findings(folder: Path, areas: Iterable[Path]) -> list[Finding]:
    """Return what is wrong with what the areas share, and the texts of it that neither it nor an area names."""
    if not folder.exists():
        return []
    used: set[str] = set()
    try:
        parts, sources = common = read_common(folder.parent)
        for area in areas:
            used |= {text_id for _, _, text_id in text_uses(read_area(area, common)[0])}
    except AreaError as error:
        return error.faults
    uses = part_uses(parts.variables.values(), parts.lists.values())
    ids = Catalogue(folder / "po").ids()
    found = area_faults(parts.lists, parts.variables, {}, sources)
    missing = [(name, key, f"en.po has no {text}") for name, key, text in uses if text not in ids]
    found += [sources[name].fault(key, "missing-text", message) for name, key, message in missing]
    return found + _unused(folder / "po" / "en.po", ids - used - {text_id for _, _, text_id in uses})


def _undeclared(area: Area, sources: dict[str, Source]) -> list[Finding]:
    found = undeclared(area)
    return [sources[source].fault(item_id, "undeclared-variable", message) for source, item_id, message in found]
