"""Log lines, for people or for programs that gather them."""

import json
import logging
from datetime import UTC, datetime

FOR_PEOPLE = "%(asctime)s {program} %(levelname)s %(message)s"


class JsonLines(logging.Formatter):
    """A line of JSON for each record: time (UTC), program, level, logger, message, and error if there is one.

    Args:
        program: that speaks.
    """

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "program": self._program,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_as(program: str, as_json: bool) -> None:
    """Have a program's log on standard error, from INFO on."""
    handler = logging.StreamHandler()
    text = logging.Formatter(FOR_PEOPLE.format(program=program))
    handler.setFormatter(JsonLines(program) if as_json else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
