"""Errors between us and Discord, classified by what the caller should do about them.

DiscordError
+-- Rejected         Discord certainly did not accept it (4xx): `status`, `code`
|   +-- Unauthorized     401: the token is invalid
|   +-- Forbidden        403: the account may not (code 40002: it must be verified)
|   +-- UnknownMessage   404: the message or its button is gone
|   +-- StaleCommand     400 about the command's version, also after one refresh
|   +-- InvalidCommand   nothing was sent: the bot has no such command here, or it takes other options
|   |   +-- BotMissing   nothing was sent: the bot is not in the server
|   +-- CaptchaWanted    400 with a captcha: a person is needed
|   +-- RateLimited      429 with a longer wait than we hold a request for: `retry_after` in seconds
|   +-- FileTooLarge     the file on the CDN exceeds our limit; a retry does not help
+-- Unknown          time-out, 5xx, broken connection: it may or may not have been accepted
+-- NotConnected     nothing was sent: there is no gateway session now
|   +-- Unreachable      nothing was sent: there is no connection to Discord, or none through the proxy
+-- UploadFailed     a picture could not be uploaded to Discord; no Interaction was sent
+-- ForeignHost      nothing was sent: the host is not one that may be contacted
"""


class DiscordError(Exception):
    """Something went wrong between us and Discord."""


class Rejected(DiscordError):
    """Discord certainly did not accept the request."""

    def __init__(self, message: str, *, status: int, code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Unauthorized(Rejected):
    """The token is invalid."""


class Forbidden(Rejected):
    """The account may not do this; code 40002 means that it must be verified by a person."""


class UnknownMessage(Rejected):
    """The message, or the button on it, is gone."""


class StaleCommand(Rejected):
    """The command's version is not the current one, although it was looked up again."""


class InvalidCommand(Rejected):
    """The bot has no such command in this channel, or it takes other options; nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=400)


class BotMissing(InvalidCommand):
    """The bot is not installed in the server; nothing was sent."""


class CaptchaWanted(Rejected):
    """Discord demands a captcha, which only a person may solve."""


class RateLimited(Rejected):
    """Discord asks for a longer wait than we hold a request for."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message, status=429)
        self.retry_after = retry_after  # seconds


class FileTooLarge(Rejected):
    """The file on the CDN exceeds our limit."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"the file has more than {max_bytes} bytes", status=413)


class Unknown(DiscordError):
    """It is not known whether Discord accepted the request; it must not be sent again."""


class NotConnected(DiscordError):
    """There is no gateway session now; nothing was sent."""


class Unreachable(NotConnected):
    """There is no connection to Discord, or none through the proxy; nothing was sent.

    The message may be shown to clients; `reason` is for the operator and names the proxy as `host:port`.
    """

    def __init__(self, trouble: str, proxy: str = "") -> None:
        super().__init__(f"Discord cannot be reached{' through the proxy' if proxy else ''}: {trouble}")
        self.reason = f"Discord cannot be reached through the proxy {proxy}: {trouble}" if proxy else str(self)


class UploadFailed(DiscordError):
    """A picture could not be uploaded to Discord; no Interaction was sent."""


class ForeignHost(DiscordError):
    """The host is not one that may be contacted; nothing was sent."""

    def __init__(self, host: str) -> None:
        super().__init__(f"refusing to contact {host}")
        self.host = host
