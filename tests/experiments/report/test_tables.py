"""How figures are written."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from experiments.report import tables
from experiments.report.block import Evidence, blocks_of
from experiments.report.tables import escaped, figure_text, latex
from experiments.statistics.leaderboard import fulfilment_by_slo, leaderboard
from tests.experiments.statistics.played import REFERENCES, episode, table


def test_the_table_has_a_line_per_agent_the_best_first():
    played = [episode("good", reward=0.8), episode("bad", reward=-0.3)]
    text = tables.written(leaderboard(table(*played), REFERENCES), tables.COLUMNS)
    lines = tables.markdown(text).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| good", "| bad"]
    assert "0.800 [0.800, 0.800]" in lines[2] and "100.0 [100.0, 100.0]" in lines[2]
    assert len({line.count("|") for line in lines}) == 1


def test_answers_say_how_many_were_managed():
    row = {"r": 4, "r_managed": 0.75, "r_steps_median": 3.0}
    assert tables.answers(row, "r") == "3 (3/4)"
    assert tables.answers(row | {"r_steps_median": 2.5}, "r") == "2.5 (3/4)"
    assert tables.answers({"r": 0}, "r") == "–"


@pytest.mark.parametrize(
    ("needed", "text"),
    [
        (5.0, "5 ✓"),
        (6.0, "6"),
        (12345.0, "12,345"),
        (math.inf, "no difference"),
        (math.nan, "–"),
    ],
)
def test_seeds_say_whether_there_are_as_many(needed, text):
    assert tables.seeds({"score_seeds_needed": needed, "seeds": 5}, "score") == text


def test_two_seeds_never_suffice():
    assert tables.seeds({"score_seeds_needed": 2.0, "seeds": 2}, "score") == "2"


def test_columns_in_which_nothing_is_known_can_be_left_out():
    text = pd.DataFrame({"a": ["1", "2"], "b": ["–", "–"], "c": ["–", "3"]})
    assert tables.known(text).columns.tolist() == ["a", "c"]


def test_every_slo_has_a_column():
    played = [episode("x"), episode("y", **{"slos.load": 0, "ratios.load": 0.1})]
    text = tables.slos(fulfilment_by_slo(table(*played), ["x", "y"]))
    assert text.columns.tolist() == ["agent", "lag", "load"]
    assert text["load"].tolist() == ["–", "100.0 [100.0, 100.0]"]


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "< 0.001 ✓"), (0.012, "0.012 ✓"), (0.3, "0.300"), (math.nan, "–")]
)
def test_chances_say_whether_they_are_ruled_out(p, text):
    assert tables.chance(p) == text


def blocks_with_other_winners():
    """In the first x is best, in the second y."""
    played = [episode(name, "a", reward=reward) for name, reward in (("x", 0.8), ("y", 0.3))]
    played += [
        replace(episode(name, "c", reward=reward), block="two") for name, reward in (("x", 0.1), ("y", 0.2))
    ]
    return blocks_of(Evidence("", played, {}, "x"))


def test_agents_by_blocks_show_who_is_best_where():
    text, best = tables.by_block(blocks_with_other_winners())
    assert text.to_dict("list") == {
        "agent": ["x", "y"],
        "all": ["0.45", "0.25"],
        "block": ["0.80", "0.30"],
        "two": ["0.10", "0.20"],
    }
    assert best.drop(columns="agent").to_numpy().tolist() == [[True, True, False], [False, False, True]]
    lines = latex(blocks_with_other_winners(), "T")
    assert r"x & \textbf{0.45} & \textbf{0.80} & 0.10 \\" in lines and r"\label{tab:blocks}" in lines


# --- LaTeX ---


def test_names_survive_latex():
    assert escaped("50 % of a_b & {c} #1 $x$ ~^\\") == (
        r"50 \% of a\_b \& \{c\} \#1 \$x\$ \textasciitilde{}\textasciicircum{}\textbackslash{}"
    )


def test_intervals_are_small_and_figures_have_a_real_minus():
    assert figure_text("-0.700") == "$-$0.700"
    assert figure_text("-0.10 [-0.20, +0.10]") == r"$-$0.10 {\scriptsize [$-$0.20, +0.10]}"
    assert figure_text("best-known_1-2") == r"best-known\_1-2"


def test_the_latex_table_has_a_line_per_agent_and_as_many_cells_in_each():
    played = [episode("my_own", reward=0.8), episode("bad", reward=-0.3)]
    played += [replace(one, block="two & more", cell="c") for one in played]
    text = latex(blocks_of(Evidence("", played, REFERENCES, "bad")), "A 100 % test")
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")].splitlines()
    lines = [line.replace(r"\&", "and") for line in body if line.endswith(r"\\")]
    assert [line.split("&")[1].strip() for line in lines] == ["agent", *[r"my\_own", "bad"] * 3]
    assert {line.count("&") for line in lines} == {6} and lines[-1].startswith("two and more")
    assert r"\begin{tabular}{llrrrrr}" in text
    assert r"A 100 \% test" in text and text.count(r"\begin") == text.count(r"\end") == 4


def test_without_scores_the_latex_table_has_rewards():
    blocks = blocks_of(Evidence("", [episode("x", "c", reward=0.25)], {}, "x"))
    assert "& +0.250 {" in latex(blocks, "title")
