"""The expected errors of the `midway` command, and their exit codes; each prints one message and no traceback."""

from collections.abc import Mapping

import grpc

from midway.app.account_settings import NothingToDrawWith
from midway.app.child_process import PartDied
from midway.app.client import NoSuchButton, PictureChanged, code_of, details_of
from midway.app.demo import DemoFailed
from midway.app.disk import CannotWrite
from midway.app.envoy import EnvoyMissing
from midway.app.exit_codes import ExitCode
from midway.app.link_key import LinkKeyUnusable
from midway.app.ports import PortTaken
from midway.app.progress import NoTask
from midway.app.settings import SettingsInvalid
from midway.engine.banned import BannedListUnreadable
from midway.store.port import DatabaseRefused, StoreUnavailable
from midway.webhook.signature import WebhookSecretInvalid

# Their messages say what to do. Subclasses have the code of their base class.
CODE_OF_ERROR: Mapping[type[Exception], ExitCode] = {
    SettingsInvalid: ExitCode.SETTINGS,
    # Something outside the program keeps the server, or a part of the stack, from starting.
    NothingToDrawWith: ExitCode.CANNOT_RUN,
    BannedListUnreadable: ExitCode.CANNOT_RUN,
    WebhookSecretInvalid: ExitCode.CANNOT_RUN,
    LinkKeyUnusable: ExitCode.CANNOT_RUN,
    DatabaseRefused: ExitCode.CANNOT_RUN,
    StoreUnavailable: ExitCode.CANNOT_RUN,
    CannotWrite: ExitCode.CANNOT_RUN,
    PortTaken: ExitCode.CANNOT_RUN,
    EnvoyMissing: ExitCode.CANNOT_RUN,
    PartDied: ExitCode.CANNOT_RUN,
    DemoFailed: ExitCode.CANNOT_RUN,
    # The server runs, but the request cannot be done.
    NoSuchButton: ExitCode.REFUSED,
    NoTask: ExitCode.REFUSED,
    PictureChanged: ExitCode.REFUSED,
}
EXPECTED: tuple[type[Exception], ...] = (*CODE_OF_ERROR, grpc.RpcError)


def explained(error: Exception) -> tuple[ExitCode, str]:
    """Return the exit code and the message of one of the EXPECTED errors."""
    if isinstance(error, grpc.RpcError):
        return _explained_call(error)
    return next(code for kind, code in CODE_OF_ERROR.items() if isinstance(error, kind)), str(error)


def _explained_call(error: grpc.RpcError) -> tuple[ExitCode, str]:
    code = code_of(error)
    if code is grpc.StatusCode.UNAVAILABLE:
        return ExitCode.UNREACHABLE, f"the server cannot do it now: {details_of(error)}"
    return ExitCode.REFUSED, f"{code.name}: {details_of(error)}"
