"""The newest messages in raw form, so that an update that holds only what changed can be read whole."""

from collections import OrderedDict

from midway.discord.json_types import Raw

KEPT_MESSAGES = 200  # of one Account; a job's messages are edited within minutes


class RecentMessages:
    """Remembers messages by id and completes partial updates with what was known."""

    def __init__(self, kept: int = KEPT_MESSAGES) -> None:
        self._kept = kept
        self._messages: OrderedDict[str, Raw] = OrderedDict()

    def created(self, raw: Raw) -> Raw:
        """Remember a new message and return it."""
        self._remember(raw)
        return raw

    def updated(self, raw: Raw) -> Raw:
        """Return the message in its new form. The nonce belongs to the creation alone and is left out."""
        whole = self._messages.get(str(raw.get("id")), {}) | raw
        self._remember(whole)
        return {key: value for key, value in whole.items() if key != "nonce"}

    def _remember(self, raw: Raw) -> None:
        key = str(raw.get("id"))
        self._messages[key] = raw
        self._messages.move_to_end(key)
        if len(self._messages) > self._kept:
            self._messages.popitem(last=False)
