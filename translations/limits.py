"""All limits of texts and legal areas, with their units."""

from typing import Final

PO_FILE_BYTES: Final = 4 * 1024 * 1024  # bytes of one PO file
YAML_FILE_BYTES: Final = 512 * 1024  # bytes of one YAML file of an area
YAML_NODES: Final = 50_000  # scalars, lists and mappings in one YAML file
YAML_DEPTH: Final = 24  # levels of nesting in one YAML file
AREA_FILES: Final = 500  # lists and question sets of one area
AREA_TEXT_CHARACTERS: Final = 4_000  # characters of one text of an area that came from another node
SET_ITEMS: Final = 1_000  # groups, questions and follow-ups of one set
ITEM_DEPTH: Final = 6  # levels of questions, from the group down

ID_CHARACTERS: Final = 80  # characters of an id in an area
NAME_CHARACTERS: Final = 200  # characters of a person's name part, or of a document's name
VARIABLE_TEXT_CHARACTERS: Final = 500  # characters of a free-text variable
CELL_CHARACTERS: Final = 200  # characters of a text or a name in a cell of a table
ANSWER_TEXT_CHARACTERS: Final = 8_000  # characters of a free-text answer
COMMENT_CHARACTERS: Final = 4_000  # characters of a comment beside an answer
PROBLEMS: Final = 100  # problems that one check reports before it stops
