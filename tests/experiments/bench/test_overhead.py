"""What `bench pipeline` says about its figures."""

import io

from rich.console import Console

from experiments.bench.overhead import EMULATED_ROWS, YOLO_ROWS, print_report


def figures_of(prefix: str, rows: tuple[tuple[str, str], ...]) -> dict[str, float]:
    figures = {f"{prefix}.limit.frames_per_s": 400.0}
    for name, _ in rows:
        figures |= {f"{prefix}.{name}.frames_per_s": 100.0, f"{prefix}.{name}.cpu_ms_per_frame": 2.0}
        key = f"{prefix}.ratio_{name}_to_bare"
        figures |= {key: 0.8, f"{key}_lowest": 0.7, f"{key}_highest": 0.9}
    return figures


def test_the_report_has_every_contender_and_a_verdict_on_both_targets():
    figures = {"rounds": 5.0, "seconds": 2.0, "emulated.limit.copy_ms": 0.1}
    figures |= figures_of("emulated", EMULATED_ROWS) | figures_of("yolo", YOLO_ROWS)
    console = Console(width=120, record=True, file=io.StringIO())
    print_report(figures, console)
    text = console.export_text()
    for _, words in EMULATED_ROWS + YOLO_ROWS:
        assert words in text
    assert "whole path ÷ bare ZeroMQ chain: 0.80 (0.70 to 0.90), at least 0.5: met" in text
    assert "two workers ÷ two bare predict loops: 0.80 (0.70 to 0.90), at least 0.9: missed" in text
