"""Log lines: readable by default, JSON on request, both with the id of the request they belong to."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "taskName"}


class AddRequestId(logging.Filter):
    """Put the id of the current request on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        record.request_id = request_id.get()
        return True


class Text(logging.Formatter):
    """Time, level, logger, message: one line, with the request's id at its end."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, or several when an exception goes with it."""
        when = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
        line = f"{when} {record.levelname.lower():7} {record.name}: {record.getMessage()}"
        if getattr(record, "request_id", ""):
            line += f" [{record.request_id}]"  # type: ignore[attr-defined]  # our filter puts it there
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class Json(logging.Formatter):
    """One JSON object a line; what was passed as ``extra`` becomes fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if getattr(record, "request_id", ""):
            fields["request_id"] = record.request_id  # type: ignore[attr-defined]  # our filter puts it there
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        fields |= {key: value for key, value in vars(record).items() if key not in _OWN}
        return json.dumps(fields, default=str)


def configuration(form: str, level: str) -> dict[str, Any]:
    """Return the dictionary that ``logging.config.dictConfig`` takes."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": AddRequestId}},
        "formatters": {"text": {"()": Text}, "json": {"()": Json}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": form, "filters": ["request_id"]},
        },
        "root": {"handlers": ["console"], "level": level.upper()},
        "loggers": {
            # Its own handler would mail the administrators; a 4xx of a stranger is not worth a line.
            "django": {"handlers": [], "level": "ERROR" if level != "debug" else "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # It warns about the number of threads, which is meant: see docs/operations.md.
            "_granian": {"level": "ERROR"},
        },
    }
