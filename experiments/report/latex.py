"""The standings as a LaTeX table, to be put into a paper: `\\input{table}` with booktabs loaded."""

from collections.abc import Mapping

import pandas as pd

from experiments.report.tables import chosen, written
from experiments.statistics.ranking_metric import Measure

# of `tables.COLUMNS`, beside the agent and what it is ranked by; more would not fit a page
SHOWN = ("all SLOs hold, %", "QoE", "regret", "recovery, steps")
ESCAPES = {
    "\\": r"\textbackslash{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "−": "$-$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
CAPTION = (
    "Interquartile means over cells and seeds with 95\\,\\% intervals (stratified bootstrap); regret: mean "
    "of $1 - \\mathrm{score}$; recovery: median control intervals, and how many disturbances were dealt with."
)


def latex(blocks: Mapping[str, pd.DataFrame], measure: Measure, title: str) -> str:
    """A `table` with a group of lines per block.

    Args:
        blocks: standings by block, as `standings.standings`.
        measure: what agents are ranked by.
        title: plain text, in front of the caption.
    """
    headings = ("agent", measure.column, *SHOWN)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        r"  \small",
        rf"  \caption{{{escaped(title)}. {CAPTION}}}",
        r"  \begin{tabular}{l" + "r" * (len(headings) - 1) + "}",
        r"    \toprule",
        "    " + " & ".join(escaped(f"{name[0].upper()}{name[1:]}") for name in headings) + r" \\",
    ]
    for block, standings in blocks.items():
        lines.append(r"    \midrule")
        if len(blocks) > 1:
            lines.append(rf"    \multicolumn{{{len(headings)}}}{{l}}{{\emph{{{escaped(block)}}}}} \\")
        rows = written(standings, chosen(*headings)).rows
        lines += ["    " + " & ".join(map(figure_text, row)) + r" \\" for row in rows]
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def figure_text(text: str) -> str:
    """Escaped, an interval smaller than its figure, a minus as long as a plus."""
    value, bracket, interval = escaped(text).partition(" [")
    small = rf" {{\scriptsize [{interval}}}" if bracket else ""
    return value if not small else value.replace("-", "$-$") + small.replace("-", "$-$")


def escaped(text: str) -> str:
    """Text that LaTeX shows as it is."""
    return "".join(ESCAPES.get(letter, letter) for letter in text)
