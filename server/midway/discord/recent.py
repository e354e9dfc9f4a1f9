"""The newest messages in raw form, to complete updates that contain only the changed fields."""

from collections import OrderedDict

from midway.discord.json_types import Raw

KEPT_MESSAGES = 200  # per Account; a job's messages are edited within minutes


class RecentMessages:
    """Remembers messages by id, and completes partial updates from them."""

    def __init__(self, kept: int = KEPT_MESSAGES) -> None:
        self._kept = kept
        self._messages: OrderedDict[str, Raw] = OrderedDict()

    def created(self, raw: Raw) -> Raw:
        """Remember a new message and return it."""
        self._remember(raw)
        return raw

    def updated(self, raw: Raw) -> Raw:
        """Return the whole updated message, without the nonce, which belongs only to the creation."""
        whole = self._messages.get(str(raw.get("id")), {}) | raw
        self._remember(whole)
        return {key: value for key, value in whole.items() if key != "nonce"}

    def _remember(self, raw: Raw) -> None:
        key = str(raw.get("id"))
        self._messages[key] = raw
        self._messages.move_to_end(key)
        if len(self._messages) > self._kept:
            self._messages.popitem(last=False)
