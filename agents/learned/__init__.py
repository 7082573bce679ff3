"""Policies learned beforehand; acting needs NumPy alone, training stable-baselines3."""
