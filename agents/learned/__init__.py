"""Policies learned beforehand; acting imports no torch, training stable-baselines3."""
