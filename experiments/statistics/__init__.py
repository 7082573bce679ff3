"""Pure functions from episodes to figures: aggregates, scores, pairs, power, recoveries."""
