"""Which agents the shared suites run on, by the names of their files in conf/agent.

Not here: `oracle` and `best_static`, which plan in a world that they were shown; see tests/agents/oracle.
"""

LEARNED = ("ppo", "a2c", "dqn")  # of random weights here: what is asked of them does not depend on these
ELASTIC = ("rule", "hpa", "aimd", "pid", "aif", "causal", "mpc", "bayes")  # they go where capacity is
PREDECESSORS = ("heuristic_thesis", "aif_thesis")  # they meant to
EVERY = ("static", "random", "bandit", "aci", *ELASTIC, *PREDECESSORS, *LEARNED)
