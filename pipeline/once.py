"""Log lines that are said once, however often what they say is true."""

import logging

MAX_LINES = 100  # of one speaker; what a flood of ever new lines says is in its first hundred


class Once:
    """Warns of each thing once.

    Args:
        logger: whose warnings they are.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._said: set[str] = set()

    def warn(self, line: str, kind: str = "") -> None:
        """Say this unless it, or another line of its kind, was said, or enough was."""
        kind = kind or line
        if kind not in self._said and len(self._said) < MAX_LINES:
            self._said.add(kind)
            self._logger.warning("%s", line)
