"""What a run was and what it came to, as a page of text."""

from collections.abc import Mapping
from typing import Any

from experiments.program.formatting import counted, figure
from experiments.runs.summary import SETTLED_AFTER

WHAT = ("agent", "env", "hardware", "scenario", "video", "slo", "seed", "status", "error", "weights")
HASHES = ("git_commit", "spec_hash", "config_hash", "code_hash", "run_hash")


def facts_of(summary: Mapping[str, Any], name: str) -> str:
    """Markdown.

    Args:
        summary: as `summary.json` has it.
        name: of the run.
    """
    figures = {
        "steps": summary.get("steps"),
        "all SLOs hold": percent(summary.get("slo_fulfilment")),
        f"after {SETTLED_AFTER} steps": percent(summary.get(f"slo_fulfilment_after_{SETTLED_AFTER}")),
        **{f"{slo} holds": percent(share) for slo, share in summary.get("slo_fulfilment_by_slo", {}).items()},
        "not measured": percent(summary.get("slo_unknown")),
        "QoE, mean": figure(summary.get("qoe_mean")),
        "reward, mean": figure(summary.get("reward_mean")),
        "longest violation": counted(summary.get("longest_violation", 0), "step"),
        "changes of the setting": f"{figure(summary.get('switches_per_min'))} per minute",
        "latency p50 / p95 / p99": per_share(summary, "latency_p{}_ms", (50, 95, 99)),
        "decision p50 / p99": per_share(summary, "decision_ms_p{}", (50, 99)),
    }
    about = {key: summary[key] for key in WHAT if summary.get(key) not in (None, "")}
    hashes = {key: summary[key] for key in HASHES if summary.get(key)}
    tables = (("what", about), ("what came of it", figures), ("which", hashes))
    return "\n\n".join([f"# {name}", *(table_of(*table) for table in tables)])


def percent(share: float | None) -> str:
    """Of the steps."""
    return "–" if share is None else f"{100 * share:.1f} %"


def per_share(summary: Mapping[str, Any], name: str, shares: tuple[int, ...]) -> str:
    """Percentiles in ms."""
    return " / ".join(figure(summary.get(name.format(share))) for share in shares) + " ms"


def table_of(heading: str, rows: Mapping[str, Any]) -> str:
    """Two columns."""
    return "\n".join(
        [f"| {heading} | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    )
