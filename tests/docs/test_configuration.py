"""docs/configuration.md says what conf/ and its schemas say, and leaves nothing out."""

import pytest

from tests.docs.configured import CONF, GROUPS, options, tables
from tests.docs.pages import codes, page, sections, table_rows

TABLES = tables()
PAGE = page("configuration.md")


@pytest.mark.parametrize("heading", TABLES)
def test_a_table_has_every_key_with_its_type_and_its_default(heading):
    expected = [f"| `{row.key}` | {row.type} | {row.default} |" for row in TABLES[heading]]
    listed = [cells for cells in table_rows(sections(PAGE)[heading]) if len(cells) == 4]
    assert [f"| {' | '.join(cells[:3])} |" for cells in listed] == expected
    assert all(cells[3] for cells in listed), "every key has a meaning"


@pytest.mark.parametrize("group", [group for group in GROUPS if list((CONF / group).glob("*.yaml"))])
def test_every_option_of_every_group_is_named(group):
    named = codes(PAGE)
    missing = [name for name in options(group) if not {name, f"{group}={name}"} & named]
    assert missing == []
