"""A run directory that release b8146d5 wrote stays readable: it is one, with the machine's facts left out."""

from pathlib import Path

import pytest

from experiments.browse import main
from experiments.results.run_row import row_of
from experiments.runs.logged import read_run
from experiments.runs.summary import summarise
from experiments.worlds.plan import SimulatorPlan, plan_twin

FORMER = Path(__file__).with_name("b8146d5")


def test_its_configuration_is_read_by_the_schemas_of_today_and_its_world_is_built():
    run = read_run(FORMER)
    plan = plan_twin(run.config)
    assert isinstance(plan, SimulatorPlan)
    assert (plan.config.env.steps, plan.config.qoe.by.name) == (30, "KNOBS")


def test_its_figures_are_those_of_its_trace():
    run = read_run(FORMER)
    again = summarise(run.trace())
    for name in ("steps", "slo_fulfilment", "slo_fulfilment_by_slo", "longest_violation"):
        assert again[name] == run.summary[name]
    assert again["qoe_mean"] == pytest.approx(run.summary["qoe_mean"])


def test_it_is_a_row_of_a_comparison():
    row = row_of(read_run(FORMER), "former")
    assert (row["agent"], row["hardware"], row["steps"], row["detections"]) == ("rule", "rpi5", 30, "")


def test_it_is_shown(capsys):
    main(["show", str(FORMER)])
    said = capsys.readouterr().out
    assert "rule on traffic, seed 0: FINISHED" in said and "load ÷ threshold" in said
