"""Pure functions to figures; they know nothing of configurations, of worlds, of drawing or of training.

`episode` makes an episode of a trace, and a table of episodes with their scores. From its rows `leaderboard`
and `pairs` have figures per agent and per pair, by `aggregates` and `disturbances`; `agreement` is of traces,
`forecasts` of what was expected.
"""
