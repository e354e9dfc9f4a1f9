"""Remembers the shape of open modals, because a submit has to repeat it."""

from collections import OrderedDict

from midway.discord.event import Event, ModalOpened
from midway.domain.ids import InteractionId

KEPT_MODALS = 200  # of one Account; Discord lets a modal be submitted for some minutes only


class Modals:
    """Knows which fields of the newest modals stand in a label instead of a row."""

    def __init__(self) -> None:
        self._labelled: OrderedDict[InteractionId, frozenset[str]] = OrderedDict()

    def observe(self, event: Event) -> None:
        """Take note of an event; only an opened modal matters."""
        if isinstance(event, ModalOpened):
            self._labelled[event.id] = frozenset(field.custom_id for field in event.fields if field.labelled)
            if len(self._labelled) > KEPT_MODALS:
                self._labelled.popitem(last=False)

    def labelled(self, modal_id: InteractionId) -> frozenset[str]:
        """Return the custom ids of a modal's labelled fields; none for a modal not seen, where rows are usual."""
        return self._labelled.get(modal_id, frozenset())
