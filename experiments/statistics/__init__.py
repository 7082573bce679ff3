"""Pure functions from episodes to figures; they know nothing of configurations, figures on paper or training.

`episode` makes an episode of a trace, `scores.episode_table` a row of each; from these `leaderboard` and `pairs`
have figures per agent and per pair, on `aggregates`, `power`, `disturbances` and `sample_efficiency`; `caveats`
says what to mind.
"""
