"""Rules for pressing a button of a finished Task (the parent): what the new Task asks for. Pure functions."""

from msgspec.structs import replace

from midway.domain.action import Action, ModalKind, ModalRule, Motion, Press, custom_id_of_change
from midway.domain.errors import Conflict, InvalidField, NotFound, Reason
from midway.domain.ids import TaskId
from midway.domain.task import Ask, ModalAsk, Task

FILM_PICK = "MJ::JOB::video_virtual_upscale::"
IMAGINE_ALL = "MJ::Job::PicReader::all"
PROPOSAL_BUTTONS = ("MJ::Job::PicReader::", "MJ::Job::PromptAnalyzer::")
CUSTOM_ZOOM = "MJ::CustomZoom::"
PICTURES_IN_GRID = 4
CHANGE_LETTERS = {Action.UPSCALE: "U", Action.VARIATION: "V", Action.REROLL: "R"}


def usable_parent(parent: Task | None, parent_id: TaskId | None) -> Task:
    """Return the parent when its buttons can be pressed. Raises NotFound, Conflict (PARENT_NOT_SUCCEEDED)."""
    if parent is None:
        raise NotFound(Reason.PARENT_NOT_FOUND, f"there is no task {parent_id}", task_id=str(parent_id))
    if parent.message_id is None or not parent.state.is_terminal:
        raise Conflict(
            Reason.PARENT_NOT_SUCCEEDED, f"task {parent.id} is {parent.state.value}, not SUCCEEDED", task_id=parent.id
        )
    return parent


def button_of(ask: Ask, parent: Task) -> str:
    """Return the custom id to press: the one in the Ask, or that of the U, V or R button with the Ask's index.

    Raises InvalidField (index), Conflict (BUTTON_NOT_FOUND, ACTION_NOT_ALLOWED).
    """
    present = tuple(button.custom_id for button in parent.buttons)
    if ask.custom_id:
        if ask.custom_id not in present:
            raise Conflict(
                Reason.BUTTON_NOT_FOUND, f"task {parent.id} has no button {ask.custom_id!r}", custom_id=ask.custom_id
            )
        return ask.custom_id
    if ask.action is not Action.REROLL and ask.index not in range(1, PICTURES_IN_GRID + 1):
        raise InvalidField("index", f"must be 1 to {PICTURES_IN_GRID} for {ask.action.value}")
    found = custom_id_of_change(ask.action, ask.index, present)
    if found is None:
        raise Conflict(Reason.ACTION_NOT_ALLOWED, f"task {parent.id} offers no {ask.action.value}", task_id=parent.id)
    return found


def extension(ask: Ask, parent: Task) -> Ask:
    """Return the Ask with the button that extends a film; of several films, first the button that picks one.

    Raises InvalidField (index), Conflict (ACTION_NOT_ALLOWED).
    """
    present = [button.custom_id for button in parent.buttons]
    extends = f"MJ::JOB::animate_{ask.video.motion or Motion.LOW}_extend::"
    own = next((custom_id for custom_id in present if custom_id.startswith(extends)), None)
    if own is not None:
        return replace(ask, custom_id=own)
    films = [custom_id for custom_id in present if custom_id.startswith(FILM_PICK)]
    if not films:
        raise Conflict(Reason.ACTION_NOT_ALLOWED, f"task {parent.id} offers no film to go on with", task_id=parent.id)
    index = ask.index or (1 if len(films) == 1 else 0)
    picked = next((custom_id for custom_id in films if custom_id.startswith(f"{FILM_PICK}{index}::")), None)
    if picked is None:
        raise InvalidField("index", f"must be 1 to {len(films)}: task {parent.id} has so many films")
    return replace(ask, custom_id=picked, then_press=extends, index=index)


def pressed(ask: Ask, parent: Task, custom_id: str, press: Press) -> Ask:
    """Return the Ask of a press with what it takes from its parent."""
    text = proposal(parent, custom_id, press)
    return replace(
        ask,
        action=press.action,
        bot=parent.ask.bot,
        prompt=parent.ask.prompt or text,
        prompt_en=text,
        custom_id=custom_id,
        index=press.index,
        parent_message_id=parent.message_id,
        parent_message_flags=parent.message_flags,
        description=_description(parent, press),
    )


def proposal(parent: Task, custom_id: str, press: Press) -> str:
    """Return the text that the button's modal would contain: the proposed prompt, or the parent's prompt."""
    if custom_id.startswith(PROPOSAL_BUTTONS) and press.index is not None:
        lines = parent.result_prompts
        return lines[press.index - 1] if press.index <= len(lines) else ""
    text = parent.final_prompt or parent.ask.prompt_en
    return f"{text} --zoom 2" if custom_id.startswith(CUSTOM_ZOOM) else text


def wanted_input(ask: Ask, press: Press, *, remix: bool) -> ModalAsk | None:
    """Return the input that the client must still give; None when the press can be sent at once.

    `remix` is the Account's setting. Raises Conflict (remix requested, but off), InvalidField (a prompt or mask that
    the button does not take, or a mask that is missing).
    """
    if ask.remix and not remix and press.modal is ModalRule.IF_REMIX:
        raise Conflict(Reason.ACTION_NOT_ALLOWED, "remix is off on this account; switch it on in Midjourney's settings")
    opens = press.modal is ModalRule.ALWAYS or (press.modal is ModalRule.IF_REMIX and remix and ask.remix is not False)
    if ask.modal_prompt is not None and not opens and press.action is not Action.PRESS:
        raise InvalidField("prompt", "this button opens no window for a prompt")
    if not opens:
        return None
    if ask.modal_prompt is None and not ask.has_mask:
        return ModalAsk(press.modal_kind, ask.prompt_en)
    if press.modal_kind is ModalKind.REGION and not ask.has_mask:
        raise InvalidField("mask", "must be given for Vary (Region)", Reason.INVALID_IMAGE)
    return None


def _description(parent: Task, press: Press) -> str:
    letter = CHANGE_LETTERS.get(press.action)
    return f"/up {parent.id} {letter}{press.index or ''}" if letter else f"/up {parent.id} {press.action.value}"
