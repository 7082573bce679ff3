"""Benchmarks: `python -m experiments.bench NAME` prints a table and writes results/bench/NAME.json."""
