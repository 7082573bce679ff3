"""docs/figures.md says of every metric of the catalogue what the code says, and what it can promise."""

import pytest

from pipeline.catalogue import CATALOGUE, EVERYWHERE
from tests.docs.pages import codes, page, sections, table_rows

SECTIONS = sections(page("figures.md"))
ROWS = {
    name: cells for cells in table_rows(SECTIONS["Metrics"]) for name in codes(cells[0]) if name in CATALOGUE
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_metric_has_a_row_that_says_what_the_catalogue_says(name):
    metric, (_, meaning, unit, memory, known_of, truth) = CATALOGUE[name], ROWS[name]
    assert meaning and metric.unit in unit
    assert memory == ("yes" if metric.memory else "")
    assert known_of == ("all" if metric.worlds == EVERYWHERE else ", ".join(metric.worlds))
    assert truth == ("yes" if metric.needs_truth else "")


def test_every_promise_is_made_of_metrics_that_there_are():
    rows = table_rows(SECTIONS["What can be promised"])
    assert len(rows) >= 18, "of every idea that the project began with"
    for _, metrics in rows:
        named = codes(metrics)
        assert named and named <= set(CATALOGUE)


def test_the_page_names_those_that_can_be_asked_of_one_class():
    by_class = {name for name, metric in CATALOGUE.items() if metric.of_matches is not None}
    assert by_class <= codes(SECTIONS["What can be promised"].partition("|")[0])
