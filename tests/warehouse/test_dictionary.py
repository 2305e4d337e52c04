from pathlib import Path

from unposed_jobs.warehouse import dictionary
from unposed_jobs.warehouse.tables import TABLES


def test_the_data_dictionary_is_up_to_date():
    page = Path(__file__).parents[2] / "docs/tables.md"
    assert page.read_text(encoding="utf-8") == dictionary.markdown(), "run: make reference"


def test_every_column_says_what_it_holds():
    for table in TABLES.values():
        for column in table.schema:
            assert (column.metadata or {}).get(b"doc"), f"{table.name}.{column.name}"
