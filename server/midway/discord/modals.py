"""Remembers the component structure of open modals, because a submit has to repeat it."""

from collections import OrderedDict

from midway.discord.event import Event, ModalOpened
from midway.domain.ids import InteractionId

KEPT_MODALS = 200  # per Account; Discord accepts a modal's submit for only a few minutes


class Modals:
    """Remembers which fields of the newest modals are inside a label component instead of a row."""

    def __init__(self) -> None:
        self._labelled: OrderedDict[InteractionId, frozenset[str]] = OrderedDict()

    def observe(self, event: Event) -> None:
        """Remember a ModalOpened event; ignore all others."""
        if isinstance(event, ModalOpened):
            self._labelled[event.id] = frozenset(field.custom_id for field in event.fields if field.labelled)
            if len(self._labelled) > KEPT_MODALS:
                self._labelled.popitem(last=False)

    def labelled(self, modal_id: InteractionId) -> frozenset[str]:
        """Return the custom ids of a modal's labelled fields; none for an unknown modal, as most use rows."""
        return self._labelled.get(modal_id, frozenset())
