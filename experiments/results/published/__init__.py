"""Results that others published, read from their logs and scored by our definitions."""
