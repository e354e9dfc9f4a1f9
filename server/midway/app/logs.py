"""Logging: one format for all libraries, JSON lines unless on a terminal, and no secrets."""

import logging
import sys
import threading
from collections.abc import Collection
from typing import Literal

import structlog
from aiohttp.http import HttpProcessingError
from structlog.typing import Processor

from midway.app.redaction import HIDDEN, Redaction

__all__ = ["HIDDEN", "configure_logs"]

GRPC = "grpc._cython.cygrpc"
GRPC_INVALID = "Invalid encoding on"
AIOHTTP = "aiohttp.server"
OURS = "midway"

log = structlog.get_logger(__name__)


def configure_logs(level: str, style: Literal["auto", "console", "json"], *, secrets: Collection[str] = ()) -> None:
    """Send the logs of structlog and of the standard library to standard error in one format."""
    is_console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(shared, Redaction(secrets), is_console=is_console))
    handler.addFilter(_may_be_logged)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Otherwise a record that cannot be formatted is printed to stderr without redaction.
    logging.raiseExceptions = False
    logging.getLogger(GRPC).addFilter(_has_no_metadata)
    logging.getLogger(AIOHTTP).addFilter(_is_not_client_error)


def log_what_nobody_caught() -> None:
    """Log warnings and uncaught exceptions, also those of threads, instead of printing them unredacted."""
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda *caught: log.critical("crashed", exc_info=caught)
    threading.excepthook = lambda end: log.error("a thread crashed", exc_info=end.exc_value)
    sys.unraisablehook = lambda caught: log.error("an exception in a clean-up was ignored", exc_info=caught.exc_value)


def _may_be_logged(record: logging.LogRecord) -> bool:
    """Tell whether a record may be logged: below WARNING, libraries log SQL statements, payloads, headers and prompts.

    Our own records come through structlog, which no library uses, or from a logger with our name.
    """
    is_ours = isinstance(record.msg, dict) or record.name.partition(".")[0] == OURS
    return is_ours or record.levelno >= logging.WARNING


def _has_no_metadata(record: logging.LogRecord) -> bool:
    """Tell whether a record of grpc's may be logged: for metadata that is not UTF-8, even keys, it has the value."""
    return not record.getMessage().startswith(GRPC_INVALID)


def _is_not_client_error(record: logging.LogRecord) -> bool:
    """Tell whether a record of aiohttp's may be logged: for invalid HTTP it has the raw bytes and a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _formatter(shared: list[Processor], redaction: Redaction, *, is_console: bool) -> logging.Formatter:
    """Build the formatter. Redaction comes after tracebacks are rendered: an exception's message may hold a secret."""
    renderer: Processor = structlog.dev.ConsoleRenderer() if is_console else structlog.processors.JSONRenderer()
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redaction,
            renderer,
        ],
    )
