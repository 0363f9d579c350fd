from pathlib import Path

import pytest

from tests.translations.small_area import small_area
from translations.area import load_area
from translations.area_folder import begin, write_folder
from translations.check import check_areas
from translations.pack import read_pack, write_pack
from translations.yaml_file import AreaError


def test_a_folder_is_what_its_pack_says(tmp_path: Path) -> None:
    """An area that came as a pack, written as a folder and packed again, has the same address; nothing is written twice."""
    area = small_area(tmp_path)
    data = write_pack(area)
    folder = tmp_path / "copy" / "areas" / "small"
    assert write_folder(read_pack(data), folder)
    assert write_pack(load_area(folder)) == data
    assert check_areas(tmp_path / "copy") == []
    assert write_folder(read_pack(data), folder) == []


def test_a_new_area_begins_as_a_sound_pilot(tmp_path: Path) -> None:
    """A new area has another's questions in all its languages, and a title of its own in English only."""
    made = begin(small_area(tmp_path), "new-one", "New one")
    assert (made.id, made.version, made.rules.pilot) == ("new-one", 1, True)
    assert made.catalogue.text("area.title", "de") == ("New one", "en")
    assert made.code_label("professions", "doctor", "de").text == "Ärztin/Arzt"
    for wrong in ("New One", "../new", "x" * 81):
        with pytest.raises(AreaError):
            begin(made, wrong, "New one")
