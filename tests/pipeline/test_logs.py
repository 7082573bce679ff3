"""Log lines that programs read."""

import json
import logging
import sys

from pipeline.logs import JsonLines


def test_a_record_is_one_line_of_json_with_its_error():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord("pipeline.x", logging.WARNING, "x.py", 1, "lost %d\nframes", (3,), error)
    (text,) = JsonLines("worker").format(record).splitlines()
    line = json.loads(text)
    assert line["time"].endswith("+00:00") and line["error"].endswith("ValueError: two\nlines")
    del line["time"], line["error"]
    assert line == {
        "program": "worker",
        "level": "WARNING",
        "logger": "pipeline.x",
        "message": "lost 3\nframes",
    }
