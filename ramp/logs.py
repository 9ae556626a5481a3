"""Formats log records as one line each, and removes credentials from them."""

import io
import logging
import re
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

CREDENTIAL: Final = re.compile(r"(?i)\b(bearer|basic|negotiate)(:?\s+)[\w~+/.=-]{8,}")
SECRET_NAMES: Final = ("authorization", "cookie", "password", "secret", "token")

Record = MutableMapping[str, Any]


def hide_secrets(_logger: Any, _method: str, record: Record) -> Record:
    """Replace values that look like credentials, by their name or format."""
    for name, value in record.items():
        if name.lower() in SECRET_NAMES:
            record[name] = "***"
        elif isinstance(value, str):
            record[name] = CREDENTIAL.sub(r"\1\2***", value)
    return record


def add_request_id(_logger: Any, _method: str, record: Record) -> Record:
    """Add the id of the request to a line that Django writes after the middleware has ended."""
    request = getattr(record.get("_record"), "request", None)
    if request_id := getattr(request, "request_id", None):
        record.setdefault("request_id", str(request_id))
    return record


def line_formatter(*, as_json: bool = False) -> structlog.stdlib.ProcessorFormatter:
    """Return the formatter: a readable line for each record, or a JSON object on one line."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            add_request_id,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            hide_secrets,
            renderer,
        ],
    )


class LoggedLines(io.TextIOBase):
    """A text stream that logs each line, for commands that write to stdout or stderr."""

    def __init__(self, logger: logging.Logger, level: int) -> None:
        self.logger, self.level = logger, level

    def write(self, text: str) -> int:
        for line in filter(None, map(str.strip, text.splitlines())):
            self.logger.log(self.level, "%s", line)
        return len(text)
