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

    def warn(self, line: str) -> None:
        """Say this unless it was said, or enough was."""
        if line not in self._said and len(self._said) < MAX_LINES:
            self._said.add(line)
            self._logger.warning("%s", line)
