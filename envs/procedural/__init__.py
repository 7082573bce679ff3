"""Worlds drawn from a documented distribution, one for each integer; see `envs.procedural.world`.

As Procgen did for games (Cobbe, Hesse, Hilton, Schulman 2020, "Leveraging Procedural Generation to Benchmark
Reinforcement Learning", ICML, arXiv 1912.01588): what was tuned on some worlds is judged on others.
"""
