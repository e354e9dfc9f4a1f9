"""Logs: one shape for every library, lines of JSON where no person looks, and no secrets in them."""

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
    handler.addFilter(_may_be_kept)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # A line that cannot be formatted would else be printed as it is, past the redaction.
    logging.raiseExceptions = False
    logging.getLogger(GRPC).addFilter(_shows_no_metadata)
    logging.getLogger(AIOHTTP).addFilter(_is_no_clients_mistake)


def log_what_nobody_caught() -> None:
    """Log warnings, and the exceptions that end this process or a thread of it, instead of printing them bare."""
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda *caught: log.critical("ended by a defect", exc_info=caught)
    threading.excepthook = lambda end: log.error("a thread ended by a defect", exc_info=end.exc_value)
    sys.unraisablehook = lambda caught: log.error("a clean-up broke", exc_info=caught.exc_value)


def _may_be_kept(record: logging.LogRecord) -> bool:
    """Tell whether a line may be kept: below WARNING libraries log whole statements, payloads, headers and prompts.

    Ours come by structlog, which no library uses, or from a logger of our name.
    """
    is_ours = isinstance(record.msg, dict) or record.name.partition(".")[0] == OURS
    return is_ours or record.levelno >= logging.WARNING


def _shows_no_metadata(record: logging.LogRecord) -> bool:
    """Tell whether a line of grpc's own may be kept: of metadata that is not UTF-8, keys too, it prints the value."""
    return not record.getMessage().startswith(GRPC_INVALID)


def _is_no_clients_mistake(record: logging.LogRecord) -> bool:
    """Tell whether a line of aiohttp's may be kept: of what is no HTTP it prints the bytes, and a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _formatter(shared: list[Processor], redaction: Redaction, *, is_console: bool) -> logging.Formatter:
    """Build the last step. Redaction comes after tracebacks are text: an exception's message may hold a secret."""
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
