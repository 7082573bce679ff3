"""The leaderboard as a LaTeX table, to be put into a paper: `\\input{table}` with booktabs loaded."""

from collections.abc import Iterable, Sequence

from experiments.report.block import Block
from experiments.report.tables import chosen, written

# of `tables.COLUMNS`, beside the agent and what it is ranked by; more would not fit a page
SHOWN = ("all SLOs hold, %", "QoE", "regret", "recovery, steps")
ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "–": "--",
        "−": "$-$",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)
CAPTION = (
    "Interquartile means over cells and seeds with 95\\,\\% intervals (stratified bootstrap); regret: mean "
    "of $1 - \\mathrm{score}$; recovery: median control intervals, and how many disturbances were dealt with."
)


def latex(blocks: Sequence[Block], title: str) -> str:
    """Return a `table` with a group of lines per block; the plain title is in front of the caption."""
    headings = ("agent", blocks[0].metric.column, *SHOWN)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        r"  \small",
        rf"  \caption{{{escaped(title)}. {CAPTION}}}",
        r"  \begin{tabular}{l" + "r" * (len(headings) - 1) + "}",
        r"    \toprule",
        _line(escaped(f"{name[0].upper()}{name[1:]}") for name in headings),
    ]
    for block in blocks:
        lines.append(r"    \midrule")
        if len(blocks) > 1:
            lines.append(rf"    \multicolumn{{{len(headings)}}}{{l}}{{\emph{{{escaped(block.name)}}}}} \\")
        text = written(block.leaderboard, chosen(*headings))
        lines += [_line(map(figure_text, row)) for row in text.to_numpy()]
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""])


def _line(cells: Iterable[str]) -> str:
    return "    " + " & ".join(cells) + r" \\"


def figure_text(text: str) -> str:
    """Escape a figure's text, its interval smaller than itself, a minus as long as a plus."""
    value, bracket, interval = escaped(text).partition(" [")
    if not bracket:
        return value
    return (value + rf" {{\scriptsize [{interval}}}").replace("-", "$-$")


def escaped(text: str) -> str:
    """Return text that LaTeX shows as it is."""
    return text.translate(ESCAPES)
