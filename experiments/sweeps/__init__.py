"""Many runs: all combinations, what is left of them to be played, jobs for launchers, what came of it."""
