"""The bots' entry point: receives interactions from Discord, and answers with the real bot's timing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..entities import Account, Interaction, Message
from ..users import Standing
from ..world import World
from . import embeds
from .action_queue import ActionQueue
from .answers import Answer, NotUnderstood
from .job_creation import Press
from .prompt import PromptRefused
from .replies import refuse
from .router import Router

# Seconds after the request, at speed 1. Source: discord-wire §7.4.
CREATED_AFTER, ANSWERED_AFTER, SUCCESS_GAP = (0.03, 0.15), (0.2, 1.5), (0.05, 0.25)
FAILED_AFTER = 3.0  # Discord gives a bot three seconds


class MidjourneyBot:
    """Both bots, Midjourney's and niji's: they differ in name and settings only."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._router = Router(world)

    def interaction(self, interaction: Interaction) -> None:
        """Schedule INTERACTION_CREATE and then the answer."""
        random, clock = self._world.random, self._world.clock
        clock.call_later(random.uniform(*CREATED_AFTER), self._world.interaction_created, interaction)
        clock.call_later(random.uniform(*ANSWERED_AFTER), self._answer, interaction)

    def reaction(self, account: Account, message: Message, emoji: str) -> None:
        """Tell a job's seed after an envelope."""
        self._router.lookup.reaction(account, message, emoji)

    def inpaint(self, token: str, mask_png: bytes, prompt: str) -> bool:
        """Start the Vary (Region) job whose editor has this token; False when there is none."""
        press = self._router.buttons.take_region(token)
        if press is None:
            return False
        delay = self._world.random.uniform(*ANSWERED_AFTER)
        answer = Answer(partial(self._vary_region, press, mask_png, prompt))
        self._world.clock.call_later(delay, self._act, press.interaction, answer)
        return True

    def reset(self) -> None:
        """Forget every job, link and open modal."""
        self._router.clear()

    def _answer(self, interaction: Interaction) -> None:
        """Act, with INTERACTION_SUCCESS around it; INTERACTION_FAILURE when there is nothing to do."""
        try:
            answer = self._find_answer(interaction)
        except NotUnderstood:
            self._world.clock.call_later(FAILED_AFTER, self._world.interaction_failed, interaction)
            return
        succeed: Callable[[], None] = partial(self._world.interaction_succeeded, interaction)
        act: Callable[[], ActionQueue | None] = partial(self._act, interaction, answer)
        order = self._success_order(answer)
        if order == "never":
            act()
            return
        gap = self._world.random.uniform(*SUCCESS_GAP)
        if order == "before":
            succeed()
            self._world.clock.call_later(gap, act)
        else:
            queue = act() or ActionQueue()
            self._world.clock.call_later(gap, queue.add, succeed)

    def _success_order(self, answer: Answer) -> str:
        options = self._world.options
        if answer.opens_modal:
            return options.modal_success_order
        before = options.success_before_start
        is_before = self._world.random.random() < 0.5 if before is None else before
        return "before" if is_before else "after"

    def _find_answer(self, interaction: Interaction) -> Answer:
        standing = interaction.account.standing
        if standing is not Standing.GOOD:
            return Answer(partial(refuse, self._world, interaction, embeds.BY_STANDING[standing]))
        try:
            return self._router.answer(interaction)
        except PromptRefused as refusal:
            return Answer(partial(self._refuse_prompt, interaction, refusal))

    def _act(self, interaction: Interaction, answer: Answer) -> ActionQueue | None:
        """Carry an answer out; return the queue of a message that is still to be drawn."""
        try:
            done = answer.act()
        except PromptRefused as refusal:
            self._refuse_prompt(interaction, refusal)
            return None
        return done if isinstance(done, ActionQueue) else None

    def _refuse_prompt(self, interaction: Interaction, refusal: PromptRefused) -> None:
        refuse(self._world, interaction, embeds.embed(refusal.title, refusal.description))

    def _vary_region(self, press: Press, mask_png: bytes, prompt: str) -> None:
        """Without a prompt of its own, the region is painted by the parent's."""
        creator = self._router.creator
        typed = creator.read(press.interaction, prompt) if prompt.strip() else None
        full = Press(press.interaction, press.job, press.index, typed)
        creator.region(full, mask_png, has_nonce=self._world.options.region_start_has_nonce)
