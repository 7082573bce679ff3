"""Agents look the same in every picture."""

from experiments.report.agent_styles import SHADES, agent_styles, shaded


def test_variants_are_shades_of_their_agents_colour():
    assert shaded("#0072B2", 0.0) == "#0072B2" == agent_styles(["aif"])["aif"].colour
    # 0.4 of the way to white: 0 + 102, 114 + 56.4, 178 + 30.8
    assert shaded("#0072B2", 0.4) == "#66AAD1"
    assert agent_styles(["aif-blind"])["aif-blind"].colour in {shaded("#0072B2", shade) for shade in SHADES}


def test_kinds_share_a_colour_and_no_two_agents_look_alike():
    names = ["aif", "aif-blind", "ppo", "a2c", "static-lowest", "static-highest", "random", "mine", "yours"]
    styles = agent_styles(names)
    assert styles["aif"].colour != styles["ppo"].colour == styles["a2c"].colour
    assert len(set(styles.values())) == len(names)
    assert len({(style.colour, style.marker) for style in styles.values()}) == len(names)


def test_an_agent_looks_the_same_in_any_company():
    company = ["ppo", "aif", "mine", "aif-blind", "rule", "causal"]
    for name in company:
        assert agent_styles([name])[name] == agent_styles(company)[name] == agent_styles(company[::-1])[name]


def test_of_many_variants_each_has_a_style_of_its_own():
    names = [f"aif-{i}" for i in range(20)]
    assert len(set(agent_styles(["aif", *names]).values())) == 21
