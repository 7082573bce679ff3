"""A policy learned by proximal policy optimisation; acting needs NumPy alone, training stable-baselines3."""
