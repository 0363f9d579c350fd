"""A version of an area in one file: definitions and the texts of all languages. What travels between nodes.

Its SHA-256 is its address. Whatever comes out of `read_pack` is as sound as what `entente areas check` passes.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from protocol.encoding import canonical_json, strict_object
from protocol.limits import MAX_AREA_PACK
from protocol.problems import ProtocolError
from translations.area import Area, AreaRules, sound, with_hashes
from translations.area_texts import text_uses, undeclared
from translations.catalogue import ENGLISH, Catalogue
from translations.finding import Finding
from translations.languages import LANGUAGES
from translations.limits import AREA_FILES, AREA_TEXT_CHARACTERS
from translations.placeholders import placeholders, stray_braces
from translations.question_set import CodeList, Id, QuestionSet, Variable
from translations.yaml_file import AreaError, Source

_TEXT: Final = StringConstraints(min_length=1, max_length=AREA_TEXT_CHARACTERS)


class Pack(BaseModel):
    """The file (SPEC S-246): canonical JSON of these fields, without those that hold their default."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
    area: AreaRules
    lists: Annotated[tuple[CodeList, ...], Field(max_length=AREA_FILES, strict=False)]
    question_sets: Annotated[tuple[QuestionSet, ...], Field(min_length=1, max_length=AREA_FILES, strict=False)]
    variables: Annotated[tuple[Variable, ...], Field(max_length=AREA_FILES, strict=False)]
    texts: dict[str, dict[Id, Annotated[str, _TEXT]]]


class _Anywhere(dict[str, Source]):
    """Sources of a pack: it has no lines to show."""

    def __missing__(self, name: str) -> Source:
        return Source(Path(name), {})


def write_pack(area: Area) -> bytes:
    """Return an area as a pack, the same bytes for the same area. Raises AreaError where it couldn't be read again."""
    named = sorted({use.text for use in text_uses(area)})
    texts = {lang: {each: text.text for each in named if (text := _own(area, each, lang))} for lang in LANGUAGES}
    made = {
        "area": _dump(area.rules),
        "lists": [_dump(area.lists[key]) for key in sorted(area.lists)],
        "question_sets": [_dump(area.question_sets[key], {"sha256"}) for key in sorted(area.question_sets)],
        "variables": [_dump(area.variables[key]) for key in sorted(area.variables)],
        "texts": {lang: found for lang, found in texts.items() if found},
    }
    data = canonical_json(made)
    read_pack(data)
    return data


def _own(area: Area, text_id: str, lang: str) -> Any:
    found = area.catalogue.template(text_id, lang)
    return found if found and found.lang == lang else None


def _dump(model: BaseModel, exclude: set[str] | None = None) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_defaults=True, exclude=exclude)


def read_pack(data: bytes, known: Mapping[str, Source] = MappingProxyType({})) -> Area:
    """Return the area in a pack. Raises AreaError with every fault found, at its line where a source is known.

    A type that this version doesn't know is a fault of the whole area (SPEC S-294).
    """
    try:
        pack = Pack.model_validate(strict_object(data, limit=MAX_AREA_PACK))
    except ProtocolError as error:
        raise _refused("invalid-pack", str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _refused("invalid-field", f"{'.'.join(map(str, first['loc']))[:200]}: {first['msg']}") from None
    area = Area(
        pack.area,
        _by_id(pack.question_sets),
        _by_id(pack.lists),
        _by_id(pack.variables),
        Catalogue.of(pack.texts),
    )
    sources = _Anywhere(known)
    faults = sound(area, sources)
    faults += [sources[name].fault(each, "undeclared-variable", message) for name, each, message in undeclared(area)]
    faults += _text_faults(area, pack.texts)
    if faults:
        raise AreaError(faults)
    return with_hashes(area)


def _by_id(models: tuple[Any, ...]) -> Mapping[str, Any]:
    found = {model.id: model for model in models}
    if len(found) != len(models):
        raise _refused("duplicate-id", "an id stands twice")
    return MappingProxyType(found)


def _refused(code: str, message: str) -> AreaError:
    return AreaError([Finding(Path("pack"), 0, code, message)])


def _text_faults(area: Area, texts: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    """Return the texts that are missing in English, that nothing names, and whose placeholders differ."""
    named, english = {use.text for use in text_uses(area)}, texts.get(ENGLISH, {})
    faults = [Finding(Path("en"), 0, "missing-text", each) for each in sorted(named - english.keys())]
    for lang, found in texts.items():
        if lang not in LANGUAGES:
            faults.append(Finding(Path(lang[:20]), 0, "unknown-language", "is none of the 26"))
            continue
        faults += [Finding(Path(lang), 0, "unused-text", each) for each in sorted(found.keys() - named)]
        faults += [
            Finding(Path(lang), 0, "lost-placeholder", f"{each} differs from English in its placeholders")
            for each, text in sorted(found.items())
            if stray_braces(text) or placeholders(text) != placeholders(english.get(each, text))
        ]
    return faults
