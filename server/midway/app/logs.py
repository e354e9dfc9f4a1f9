"""Logs: one shape for every library, lines of JSON where no person looks, and no secrets in them."""

import logging
import sys
from collections.abc import Collection
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
SECRET_NAMES = frozenset(
    {"token", "api_key", "api_keys", "authorization", "mj-api-secret", "mj_api_secret", "secret", "webhook_secret"}
)
GRPC = "grpc._cython.cygrpc"
GRPC_INVALID = "Invalid encoding on"
# What people wrote is theirs: it is shown to who looks for it with DEBUG, and not kept by default.
PRIVATE_NAMES = frozenset({"prompt", "prompt_en", "final_prompt", "modal_prompt"})


class Redaction:
    """A processor that hides secrets by their name and by their value, and prompts above DEBUG."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        # Short ones would hide half of the log; who uses such a key has no secret.
        self._secrets = [secret for secret in secrets if len(secret) >= 6]

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Return the event with what must not be read replaced."""
        names = SECRET_NAMES if method == "debug" else SECRET_NAMES | PRIVATE_NAMES
        return {key: HIDDEN if key.lower() in names else self._without_secrets(value) for key, value in event.items()}

    def _without_secrets(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, HIDDEN)
        return value


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
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Below WARNING discord.py-self logs whole payloads, token and prompt included.
    logging.getLogger("discord").setLevel(logging.WARNING)
    logging.getLogger(GRPC).addFilter(_shows_no_metadata)


def _shows_no_metadata(record: logging.LogRecord) -> bool:
    """Tell whether a line of grpc's own may be kept: of metadata that is not UTF-8, keys too, it prints the value."""
    return not record.getMessage().startswith(GRPC_INVALID)


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
