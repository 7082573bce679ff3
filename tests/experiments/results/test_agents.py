"""Who is who: variants of an agent are entrants of their own; a checkpoint per spec makes none."""

from experiments.results.agents import named_agents
from tests.experiments.results.candidates import candidate


def test_an_agent_with_one_configuration_has_its_own_name():
    assert named_agents([candidate("a"), candidate("b", seed=1)]) == (["rule", "rule"], [])


def test_an_agent_with_several_is_named_by_what_differs():
    candidates = [candidate("a"), candidate("b", {"agent.target": 0.8}), candidate("c", agent="aimd")]
    assert named_agents(candidates)[0] == ["rule-target=0.7", "rule-target=0.8", "aimd"]


def test_an_agent_without_a_file_is_called_by_its_class():
    own = [{"agent._target_": f"my_package.{name}"} for name in ("Mine", "Theirs")]
    runs = [candidate(str(i), changed, agent="custom") for i, changed in enumerate(own)]
    assert named_agents(runs)[0] == ["Mine", "Theirs"]


def learned(place, spec, checkpoint):
    return candidate(place, {"agent.checkpoint": f"/somewhere/{checkpoint}"}, agent="ppo", spec_hash=spec)


def test_a_checkpoint_for_each_spec_makes_no_variants():
    candidates = [learned("a", "one", "ppo-1.npz"), learned("b", "two", "ppo-2.npz")]
    assert named_agents(candidates)[0] == ["ppo", "ppo"]


def test_two_checkpoints_for_one_spec_do():
    candidates = [learned("a", "one", "ppo-1.npz"), learned("b", "one", "ppo-3.npz")]
    assert named_agents(candidates)[0] == ["ppo-checkpoint=ppo-1.npz", "ppo-checkpoint=ppo-3.npz"]


def test_where_a_checkpoint_lies_is_no_difference():
    candidates = [learned("a", "one", "x/ppo-1.npz"), learned("b", "one", "y/ppo-1.npz")]
    assert named_agents(candidates)[0] == ["ppo", "ppo"]


def test_a_name_that_says_nothing_is_explained():
    many = {f"agent.figure_{i}": 10 * i for i in range(9)}
    names, notes = named_agents([candidate("a", many), candidate("b", {name: 1 for name in many})])
    assert len(set(names)) == len(notes) == 2
    assert notes[0].startswith(f"{names[0]} is rule with figure_0=0,figure_1=10,")
