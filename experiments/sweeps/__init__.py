"""Many runs: every combination of what is listed, or a study's agents in cells under seeds; none twice.

`conduct` takes a sweep from its overrides (`combinations`) to a launcher's jobs and what they tell
(`job`), in its own `place`. A `study` is of variants of agents in `cells`, whose runs a `pool` plays.
"""
