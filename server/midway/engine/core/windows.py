"""Answers the windows that presses open, each once: a modal with a prompt, a region with mask and prompt."""

from collections.abc import Container, Iterable, Sequence

from midway.discord.event import IframeOpened, ModalOpened
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.errors import Reason
from midway.domain.ids import Nonce, TaskId
from midway.domain.image import InputImage
from midway.domain.lifecycle import failed
from midway.domain.task import Task
from midway.engine.core.effects import Change, Effect, Learn, LoadMask, SendFirst
from midway.engine.core.ledger import Ledger
from midway.engine.core.pending import FOLLOWS_PRESS, Outgoing, RegionSubmit
from midway.engine.interactions import APPLICATION_IDS, ChannelRef, answer, mask_as_sent

IFRAME_PREFIX = "MJ::iframe::"


class Windows:
    """Answers windows, and remembers which presses were answered. Owned by one core."""

    def __init__(self, ledger: Ledger, channel: ChannelRef) -> None:
        self._ledger = ledger
        self._channel = channel
        self._answered: set[Nonce] = set()  # presses, so that a repeated event is not answered again

    def answer(self, press: Attempt, event: ModalOpened | IframeOpened) -> list[Effect]:
        """Return the effects that answer the window that a press opened."""
        task = self._ledger.tasks.get(press.task_id)
        if task is None or self._is_answered(press):
            return []
        if task.state.is_terminal:  # cancelled meanwhile; an unanswered window starts no job
            return [Learn(self._ledger.ended(task.id, settled=True))]
        self._answered.add(press.nonce)
        if isinstance(event, ModalOpened):
            submit = answer(task, event, APPLICATION_IDS[task.ask.bot], self._channel)
            return [SendFirst(Outgoing(task.id, AttemptKind.MODAL, submit))]
        return [LoadMask(task, event)] if task.ask.has_mask else [_region(task, event, "")]

    def answer_region(self, task_id: TaskId, event: IframeOpened, inputs: Sequence[InputImage] | None) -> list[Effect]:
        """Answer a region's window with the mask, the last of the pictures; `inputs` None: they are unreadable."""
        task = self._ledger.tasks.get(task_id)
        if task is None:
            return []
        if inputs is None or task.state.is_terminal:
            failure = failed(Reason.UPLOAD_FAILED, "its mask cannot be read any more")
            return [Change(task_id=task_id, events=(failure,), attempts=self._ledger.ended(task_id, settled=True))]
        return [_region(task, event, mask_as_sent(inputs[-1]) if inputs else "")]

    def forget(self, presses: Iterable[Attempt]) -> None:
        """Forget that these presses were answered, because the answers were dropped."""
        self._answered -= {press.nonce for press in presses}

    def forget_old(self, kept: Container[Nonce]) -> None:
        """Forget the presses that are not in `kept`."""
        self._answered = {nonce for nonce in self._answered if nonce in kept}

    def _is_answered(self, press: Attempt) -> bool:
        """Tell whether a press was answered, by this process or an earlier one."""
        attempts = self._ledger.attempts(press.task_id)
        later = attempts[[each.nonce for each in attempts].index(press.nonce) + 1 :]
        return press.nonce in self._answered or any(each.kind in FOLLOWS_PRESS for each in later)


def _region(task: Task, event: IframeOpened, mask: str) -> SendFirst:
    prompt = task.ask.modal_prompt if task.ask.modal_prompt is not None else task.ask.prompt_en
    custom_id = event.custom_id.removeprefix(IFRAME_PREFIX)
    submit = RegionSubmit(APPLICATION_IDS[task.ask.bot], custom_id, mask, prompt)
    return SendFirst(Outgoing(task.id, AttemptKind.REGION, submit, interaction_id=event.id))
