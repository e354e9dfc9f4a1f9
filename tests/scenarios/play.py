"""Plays a case: its parents, then the step it is about, through the engine and the simulator."""

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from midway.domain.action import TRAITS, Action, Bot, Motion, Speed
from midway.domain.image import InputImage
from midway.domain.task import Ask, State, Task, VideoAsk
from midway.engine.limits import Limits
from midway.engine.placing import Placed
from msgspec.structs import fields, replace

from tests.scenarios.case import Answer, Case, Step
from tests.support.pictures import mask_for, plain_picture
from tests.support.rig import QUICK, Rig

CHANGES = {"U": Action.UPSCALE, "V": Action.VARIATION, "R": Action.REROLL}
SENT_KINDS = {2: "command", 3: "press", 5: "modal"}
MODIFIERS = frozenset({"images", "links", "dimensions", "speed", "remix", "prompt", "mask", "motion", "batch", "end"})
MODIFIERS |= {"index", "extend"}


@dataclass(frozen=True)
class Played:
    """What came of a case. `sent` is what the simulator received for `task`, in order."""

    placed: Placed
    task: Task
    parent: Task | None
    sent: list[dict[str, Any]]


async def play(case: Case, rig: Rig) -> Played:
    """Play a case to the end of its Task (and of those that came with it)."""
    parent: Task | None = None
    for step in case.before:
        parent = await rig.succeeded((await submit(step, case.bot, parent, rig)).task)
    mark = len(rig.journal())
    for fault in case.faults:
        await rig.control("faults", **fault)
    placed = await submit(case.do, case.bot, parent, rig)
    task = await _to_its_end(case, placed.task, parent, rig)
    for other in placed.others:
        await rig.succeeded(other)
    return Played(placed, task, parent, _sent(rig, mark))


async def _by_command(step: Step, _parent: Task | None, _rig: Rig) -> Ask:
    """Ask for any other Action that begins with a command; words beside it are fields of the Ask."""
    action = Action(step.verb.upper())
    assert TRAITS[action].command, f"{step.verb} begins with no command; add it to ASKS"
    own = {word: value for word, value in step.modifiers.items() if word not in MODIFIERS}
    return Ask(action=action, prompt=step.subject, **own)


async def submit(step: Step, bot: Bot, parent: Task | None, rig: Rig) -> Placed:
    """Submit one step."""
    known = MODIFIERS | (set() if step.verb in ASKS else {field.name for field in fields(Ask)})
    assert step.modifiers.keys() <= known, f"unknown words beside {step.verb}: {step.modifiers}"
    ask = replace(await ASKS.get(step.verb, _by_command)(step, parent, rig), bot=bot)
    inputs = [plain_picture(colour) for colour in step.modifiers.get("images", ())]
    ask = replace(ask, image_count=len(inputs), **_common(step))
    if step.modifiers.get("mask"):
        inputs.append(_mask(parent))
        ask = replace(ask, has_mask=True)
    return await rig.engine.submit(ask, inputs)


def limits_of(case: Case) -> Limits:
    """Return the engine's limits for a case."""
    bounds: dict[str, Any] = {name: timedelta(seconds=seconds) for name, seconds in case.limits.items()}
    # Else the fault could strike the question for the settings.
    asks = case.remix_known is None and not case.faults
    return dataclasses.replace(QUICK, sync_settings=asks, **bounds)


def _common(step: Step) -> dict[str, Any]:
    """Read the words that every step may have."""
    words = step.modifiers
    speed = Speed(words["speed"]) if "speed" in words else None
    return {"speed": speed, "remix": words.get("remix"), "modal_prompt": words.get("prompt")}


async def _imagine(step: Step, _parent: Task | None, rig: Rig) -> Ask:
    links = await _links(step.modifiers.get("links", ()), rig)
    return Ask(action=Action.IMAGINE, prompt=step.subject, links=links)


async def _film(step: Step, parent: Task | None, rig: Rig) -> Ask:
    """Make a film of the pictures or links given, else of the parent's picture; `extend` goes on with its film."""
    words = step.modifiers
    links = await _links(words.get("links", ()), rig)
    is_own = bool(words.get("images") or links)
    motion = Motion(words["motion"]) if "motion" in words else None
    video = VideoAsk(
        motion=motion, batch_size=words.get("batch", 0), end=words.get("end", ""), extends="extend" in words
    )
    parent_id = None if is_own or parent is None else parent.id
    index = int(words["index"]) if "index" in words else None
    return Ask(action=Action.VIDEO, prompt=step.subject, links=links, parent_id=parent_id, index=index, video=video)


async def _describe(step: Step, _parent: Task | None, rig: Rig) -> Ask:
    return Ask(action=Action.DESCRIBE, links=await _links(step.modifiers.get("links", ()), rig))


async def _blend(step: Step, _parent: Task | None, _rig: Rig) -> Ask:
    return Ask(action=Action.BLEND, dimensions=step.subject)


async def _show(_step: Step, parent: Task | None, _rig: Rig) -> Ask:
    assert parent is not None
    return Ask(action=Action.SHOW, show_job_id=parent.job_id)


async def _press(step: Step, parent: Task | None, _rig: Rig) -> Ask:
    assert parent is not None
    button = next(button for button in parent.buttons if step.subject in {button.label, button.emoji})
    return Ask(action=Action.PRESS, parent_id=parent.id, custom_id=button.custom_id)


async def _change(step: Step, parent: Task | None, _rig: Rig) -> Ask:
    assert parent is not None
    letter, index = step.subject[0], step.subject[1:]
    return Ask(action=CHANGES[letter], parent_id=parent.id, index=int(index) if index else None)


ASKS: dict[str, Callable[[Step, Task | None, Rig], Awaitable[Ask]]] = {
    "imagine": _imagine,
    "film": _film,
    "describe": _describe,
    "blend": _blend,
    "show": _show,
    "press": _press,
    "change": _change,
}


async def _links(colours: Sequence[str], rig: Rig) -> tuple[str, ...]:
    """Put plain pictures where a link can point."""
    if not colours:
        return ()
    return (await rig.engine.upload_images([plain_picture(colour) for colour in colours], None)).urls


async def _to_its_end(case: Case, task: Task, parent: Task | None, rig: Rig) -> Task:
    if case.waits_for:
        assert task.modal is not None, f"it waits for nothing; it is {task.state}"
        assert (task.state, task.modal.kind) == (State.AWAITING_INPUT, case.waits_for)
        assert task.modal.prompt.startswith(case.proposal)
    if case.answer is not None:
        task = await _answered(case.answer, task, parent, rig)
    if case.cancel_in:
        await rig.until(task.id, State(case.cancel_in))
        return await rig.engine.cancel(task.id)
    return task if case.expect.tasks == 0 else await rig.ended(task)


async def _answered(answer: Answer, task: Task, parent: Task | None, rig: Rig) -> Task:
    mask = _mask(parent) if answer.mask else None
    return (await rig.engine.answer_modal(task.id, answer.prompt, mask)).task


def _mask(parent: Task | None) -> InputImage:
    assert parent is not None
    assert parent.image is not None
    return mask_for(parent.image.width, parent.image.height)


def _sent(rig: Rig, mark: int) -> list[dict[str, Any]]:
    """Return what the simulator received since a mark; the engine's own look at its settings aside."""
    lines = [line for line in rig.journal()[mark:] if line["kind"] in {"interaction", "inpaint"}]
    return [_named(line) for line in lines if line.get("name") != "settings"]


def _named(line: dict[str, Any]) -> dict[str, Any]:
    kind = "region" if line["kind"] == "inpaint" else SENT_KINDS[line["type"]]
    return line | {"sent": kind}
