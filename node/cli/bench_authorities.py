"""Invented authorities for `entente bench directory`: as many as wanted, the same for the same number.

Names are put together as in life: few kinds of offices, many places whose sizes differ, words in several scripts,
titles in the own language and in English, and a handful of competences each. Places are invented too, so that no
real office is described; what counts is how many different words there are and how unevenly they are used.
"""

import random
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

AREA: Final = "professional-qualifications"


class Tongue(NamedTuple):
    """A language of the invented country: stems and endings of places, and kinds of offices by level."""

    lang: str
    stems: tuple[str, ...]
    endings: tuple[str, ...]
    local: tuple[str, ...]
    regional: tuple[str, ...]
    national: tuple[str, ...]


def _split(*words: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(part.split("|")) for part in words)


_WORDS: Final = {
    "de": _split(
        "Alt|Birken|Blanken|Buchen|Burg|Eber|Eich|Ell|Falken|Feld|Fisch|Frei|Gold|Grün|Hagen|Hasel|Hirsch|Hohen|Kalt|Königs|Küh|Lang|Lauter|Linden|Mühl|Neu|Ober|Rosen|Roth|Schön|Silber|Stein|Tannen|Unter|Wald|Weiß|Wester|Wolfs",
        "ach|au|bach|berg|bruck|brunn|burg|dorf|feld|hausen|heim|hofen|ingen|kirchen|roda|stadt|stein|tal|walde|weiler",
        "Gemeinde|Stadt|Markt|Samtgemeinde|Bürgeramt|Gewerbeamt|Gesundheitsamt",
        "Landratsamt|Bezirksregierung|Ärztekammer|Zahnärztekammer|Handwerkskammer|Apothekerkammer|Architektenkammer",
        "Bundesamt für Berufe|Bundesministerium für Gesundheit|Bundeszahnärztekammer",
    ),
    "hu": _split(
        "Al|Bala|Békés|Bod|Csep|Csong|Deb|Eger|Endrő|Fel|Gyön|Győr|Hajdú|Hód|Kap|Kecs|Kis|Kun|Mező|Mis|Nagy|Nyír|Oros|Pás|Szent|Szol|Tisza|Új|Vásár|Zala",
        "endre|falva|fehérvár|háza|hely|kút|lak|major|mező|monor|patak|szállás|szék|szentgyörgy|tarján|telek|vár|város|vásárhely|völgy",
        "Önkormányzat –|Polgármesteri Hivatal –|Jegyzői Iroda –|Járási Hivatal –",
        "Vármegyei Kormányhivatal –|Orvosi Kamara –|Mérnöki Kamara –",
        "Országos Főigazgatóság –|Oktatási Hivatal –|Minisztérium –",
    ),
    "el": _split(
        "Άγιο|Αμπελό|Αρχαιο|Βασιλικό|Γλυκό|Δενδρό|Ελαιό|Ευρυ|Ζευγο|Θερμο|Καλλι|Καστρό|Κυπαρισσό|Λευκό|Μεγαλό|Μυρτό|Νεο|Ξηρό|Παλαιό|Πετρό|Πλατανό|Σταυρό|Φοινικό|Χρυσο",
        "βουνο|βρυση|κάμπος|καστρο|κηπος|λιμανο|λόφος|νερο|πηγαδο|πολη|ποταμος|πυργος|ρεμα|σπηλαιο|τοπος|φυτο|χωρι|χώρα",
        "Δήμος –|Γραφείο Πολιτών –|Κέντρο Υγείας –",
        "Περιφέρεια –|Οδοντιατρικός Σύλλογος –|Ιατρικός Σύλλογος –",
        "Υπουργείο Υγείας –|Υπουργείο Παιδείας –",
    ),
    "bg": _split(
        "Бело|Бистро|Велико|Враня|Горно|Добро|Долно|Зелено|Злато|Камено|Кривo|Лъко|Малко|Мраморо|Ново|Орло|Полско|Росо|Самоко|Синьо|Старо|Черно|Широко|Ягодо",
        "брод|вода|град|дол|езеро|извор|камен|кладенец|могила|мост|планина|поле|поток|рица|слив|тица|тополи|хълм|церово|чешма",
        "Община –|Кметство –|Здравна служба –",
        "Областна администрация –|Регионална здравна инспекция –",
        "Министерство на здравеопазването –|Български зъболекарски съюз –",
    ),
    "fr": _split(
        "Aigue|Beau|Belle|Bois|Bour|Cham|Châte|Clair|Cour|Font|Gran|Haute|Lon|Mari|Mont|Neu|Noir|Orme|Peyre|Pont|Roche|Sain|Sauve|Vau|Vert|Vieux",
        "béliard|bourg|bray|camp|cey|champ|court|fleur|font|geais|lieu|mare|mont|nay|pré|rive|sart|seul|val|vigne|ville|villiers",
        "Mairie de|Commune de|Service des professions de",
        "Préfecture de|Agence régionale de|Ordre des chirurgiens-dentistes de",
        "Ministère de la santé –|Conseil national de l’ordre –",
    ),
    "pl": _split(
        "Biało|Bory|Brzo|Czarno|Dąb|Dobro|Gło|Góra|Grab|Jasno|Kali|Krzy|Lubo|Łąk|Mało|Mied|Nowo|Olszo|Pięk|Ruda|Siero|Staro|Święto|Wielko|Wierz|Zielo|Żuro",
        "bór|brzeg|brzezie|chlebie|cin|dół|górka|gród|kowo|łęka|mierz|niki|pole|potok|sko|szyn|targ|wica|wiec|wola|wód|zdrój",
        "Urząd Gminy|Urząd Miasta|Miejski Ośrodek –",
        "Starostwo Powiatowe|Okręgowa Izba Lekarska –|Urząd Wojewódzki –",
        "Naczelna Izba Lekarska –|Ministerstwo Zdrowia –",
    ),
}  # fmt: skip
TONGUES: Final = tuple(Tongue(lang, *words) for lang, words in _WORDS.items())
_ENGLISH: Final = {"local": "Local authority", "regional": "Regional authority", "national": "National authority"}
_COMPETENCES: Final = [
    "doctor",
    "nurse-general-care",
    "dental-practitioner",
    "veterinary-surgeon",
    "midwife",
    "pharmacist",
    "architect",
    "physiotherapist",
    "psychologist",
    "optician",
    "social-worker",
    "primary-teacher",
    "engineer",
    "electrician",
    "hairdresser",
    "accountant",
    "tourist-guide",
]


def authorities(country: str, count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield records as the import takes them: 1 in 200 national, 1 in 12 regional, the others local."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    places = _places(chance, max(50, count // 6))
    for number in range(count):
        yield _record(chance, country, number, places)


def changed(record: dict[str, Any], times: int) -> dict[str, Any]:
    """Return a record with another place in its name, as after a merger."""
    return {**record, "name": f"{record['name']} Neustadt{times}"}


def _places(chance: random.Random, count: int) -> list[tuple[Tongue, str, str]]:
    """Return (language, place, region) of different places."""
    found: dict[str, tuple[Tongue, str, str]] = {}
    for _ in range(count * 3):
        tongue = chance.choice(TONGUES)
        stems = "".join(chance.sample(tongue.stems, chance.choice((1, 1, 2))))
        name = (stems + chance.choice(tongue.endings)).capitalize()
        region = f"{chance.randrange(1, 10)}{chance.randrange(1, 6)}{chance.randrange(1, 8)}"
        found.setdefault(name, (tongue, name, region))
        if len(found) == count:
            break
    return list(found.values())


def _record(chance: random.Random, country: str, number: int, places: list[tuple[Tongue, str, str]]) -> dict[str, Any]:
    level = "national" if number % 200 == 0 else "regional" if number % 12 == 0 else "local"
    tongue, place, region = places[int(len(places) * chance.random() ** 2)]  # large towns have many offices
    kind = chance.choice(getattr(tongue, level))
    size = {"national": 0, "regional": chance.choice((1, 2)), "local": 3}[level]
    code = f"{country}{region[:size]}"
    codes = chance.sample(_COMPETENCES, chance.choice((1, 1, 2, 3)))
    return {
        "id": f"{country}-bench-{number:07d}",
        "country": country,
        "name": f"{kind} {place}",
        "name_lang": tongue.lang,
        "titles": {tongue.lang: f"{kind.removesuffix(' –')}, {place}", "en": f"{_ENGLISH[level]}, {place}"},
        "level": level,
        "region": {"code": code, "name": place if level == "local" else f"Region {region[:size]}"} if size else None,
        "place": place,
        "languages": [tongue.lang, "en"],
        "areas": [{"area": AREA, "role": "coordinator" if number % 1000 == 0 else "authority"}],
        "competences": [f"profession:{code}" for code in codes],
        "demo": True,
        "valid_from": "2026-01-01",
        "v": 1,
    }
