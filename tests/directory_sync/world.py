"""Records for the directory's stories: Berlin's authorities."""

from datetime import date
from typing import Any

from directory_sync.authority import Authority


def record(**changes: Any) -> dict[str, Any]:
    """Return a whole, valid record, with some fields changed."""
    return {
        "id": "DE-zaek-berlin",
        "country": "DE",
        "name": "Zahnärztekammer Berlin",
        "name_lang": "de",
        "titles": {"de": "Zahnärztekammer, Berlin", "hu": "Fogorvosi kamara, Berlin"},
        "level": "regional",
        "region": {"code": "DE3", "name": "Berlin"},
        "place": "Berlin",
        "contacts": {"email": "post@zaek-berlin.example", "web": "https://www.zaek-berlin.example/"},
        "languages": ["de", "en"],
        "areas": [{"area": "professional-qualifications", "role": "authority", "status": "active"}],
        "competences": ["profession:dental-practitioner"],
        "demo": True,
        "valid_from": date(2026, 1, 1),
        "v": 1,
    } | changes


def authority(**changes: Any) -> Authority:
    """Return a valid authority, with some fields changed."""
    return Authority.model_validate(record(**changes))
