"""Many runs: every combination of what is listed, or a study's agents in cells under seeds; none twice.

`conduct` takes a sweep to its runs, to a launcher's jobs with them (`job`) and to what these tell, in its own
`place`. A `study` is of variants of agents in `cells`, whose runs a `pool` plays. `logged_cells` makes
episodes of logged runs, and has played what their scores are measured by.
"""
