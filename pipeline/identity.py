"""Random numbers that stand for a process, so that its name or endpoint need not."""

import secrets


def random_identity() -> int:
    """A number that no other process draws: 63 random bits, never 0, so that a signed column holds it."""
    return secrets.randbelow((1 << 63) - 1) + 1
