"""Pure functions from episodes to figures; they know nothing of configurations, of drawing or of training.

`episode` makes an episode of a trace, `scores.episode_table` a row of each. From these rows `leaderboard` and
`pairs` have figures per agent and per pair, by `aggregates` and `disturbances`.
"""
