from datetime import UTC, date, datetime

import pytest

from translations.dates import format_date, format_datetime, format_size
from translations.languages import LANGUAGES

MOMENT = datetime(2026, 11, 3, 22, 5, tzinfo=UTC)


def test_dates_are_written_out() -> None:
    """A day stands in the long form of its language, with Portugal's and Ireland's conventions."""
    assert format_date(date(2026, 11, 3), "en") == "3 November 2026"
    assert format_date(date(2026, 11, 3), "pt") == "3 de novembro de 2026"
    assert format_date(date(2026, 11, 3), "hu") == "2026. november 3."


def test_moments_say_their_zone() -> None:
    """A moment stands in the reader's time zone and says how far that is from UTC."""
    assert format_datetime(MOMENT, "de", "Europe/Berlin") == "3. November 2026, 23:05 UTC+1"
    assert format_datetime(MOMENT, "en", "UTC") == "3 November 2026, 22:05 UTC"
    assert format_datetime(MOMENT, "en", "Asia/Kolkata").endswith("03:35 UTC+5:30")
    with pytest.raises(ValueError, match="time zone"):
        format_datetime(MOMENT.replace(tzinfo=None), "de", "Europe/Berlin")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_formats(lang: str) -> None:
    """Each of the 26 languages has dates, moments and sizes without a leftover pattern."""
    shown = [format_date(MOMENT, lang), format_datetime(MOMENT, lang, "Europe/Athens"), format_size(2048, lang)]
    assert all(text and "{" not in text and "'" not in text for text in shown)


def test_sizes() -> None:
    """A size takes the largest unit that leaves a number of one or more."""
    assert [format_size(size, "de") for size in (12, 1500, 1_999_960, 1_234_567)] == [
        "12 Byte",
        "1,5 kB",
        "2 MB",
        "1,2 MB",
    ]
