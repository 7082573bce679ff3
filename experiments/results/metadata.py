"""What was run, for the head of a report: who, where, how long, when, by which code, on which machine."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from experiments.program.formatting import counted
from experiments.results.collection import Collection, short
from experiments.results.run_row import STAMP, Candidate


def head_of(collection: Collection, command: str) -> dict[str, str]:
    """By what it is; what no run says is left out.

    Args:
        collection: of runs that count.
        command: that the user gave.
    """
    candidates = collection.candidates
    found = {
        "Runs": f"{len(candidates)} of {collection.n_logged} that were found",
        "Seeds": spans(collection.seeds),
        "World": tally([world(candidate) for candidate in candidates]),
        "Began": period(candidates),
        "Spec": tally([str(candidate.facts["spec_hash"]) for candidate in candidates]),
        "Commit": tally([short(str(candidate.facts["git_commit"])) for candidate in candidates]),
        "Code": tally(sorted({str(candidate.facts.get("code_hash", "")) for candidate in candidates})),
        "Machine": tally([machine(candidate) for candidate in candidates]),
        "Releases": tally([releases(candidate) for candidate in candidates]),
        "Command": command,
    }
    return {name: text for name, text in found.items() if text}


def tally(texts: Sequence[str]) -> str:
    """What there is, most of it first, with how often unless it is all the same; "" is not counted."""
    counts = Counter(text for text in texts if text)
    if len(counts) < 2 or max(counts.values()) == 1:
        return ", ".join(counts)
    return ", ".join(f"{text} ({counted(n, 'run')})" for text, n in counts.most_common())


def spans(numbers: Sequence[int]) -> str:
    """Ascending numbers with runs of them in short: "0–4, 7"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]}–{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def world(candidate: Candidate) -> str:
    """In what a run took place, by which weights, and for how long."""
    env = candidate.config["env"]
    kind, weights = str(candidate.facts["env"]), str(candidate.facts.get("weights", ""))
    by = f", weights {weights}" if kind == "pipeline" and weights else ""
    return f"{kind}{by}, {env['steps']} steps of {env['control_interval_s']:g} s"


def period(candidates: Sequence[Candidate]) -> str:
    """From the first run's beginning to the last one's."""
    stamps = [found[0] for candidate in candidates if (found := STAMP.match(candidate.begun))]
    times = [datetime.strptime(stamp, "%Y%m%d-%H%M%S") for stamp in sorted(stamps)]
    first, last = f"{times[0]:%Y-%m-%d %H:%M}", f"{times[-1]:%Y-%m-%d %H:%M}"
    return first if first == last else f"{first} to {last}"


def machine(candidate: Candidate) -> str:
    """That a run was logged on, as far as MLflow knows it."""
    facts = {name: candidate.facts.get(f"machine.{name}") for name in ("cpu", "cores", "memory_gb", "system")}
    if not facts["cpu"]:
        return ""
    return f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB, {facts['system']}"


def releases(candidate: Candidate) -> str:
    """Of what its result can depend on, likewise."""
    found = {name: value for name, value in candidate.facts.items() if name.startswith("version.")}
    return " ".join(f"{name.removeprefix('version.')} {value}" for name, value in sorted(found.items()))
