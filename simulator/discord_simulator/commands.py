"""The slash commands of both bots, as Discord's command index lists them."""

from __future__ import annotations

from dataclasses import dataclass

from .entities import SUB_COMMAND
from .json_types import Json
from .users import BOTS, MJ_APPLICATION_ID, User

STRING, ATTACHMENT = 3, 11  # option types


@dataclass(frozen=True)
class Option:
    """One option of a command; without choices any value of its type will do."""

    type: int
    name: str
    description: str
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()  # (label, value)

    def payload(self) -> Json:
        """Show the option as the command index does."""
        payload: Json = {"type": self.type, "name": self.name, "description": self.description}
        if self.type == SUB_COMMAND:
            return payload | {"options": []}
        choices = [{"name": label, "value": value} for label, value in self.choices]
        return payload | {"required": self.required} | ({"choices": choices} if choices else {})


@dataclass
class Command:
    """One command of one bot; re-registering it changes the version, and the id when it was deleted before."""

    application_id: str
    id: str
    version: str
    name: str
    description: str
    options: tuple[Option, ...] = ()

    def payload(self) -> Json:
        """Show the command as the command index does."""
        return {
            "id": self.id,
            "type": 1,
            "application_id": self.application_id,
            "version": self.version,
            "name": self.name,
            "description": self.description,
            "options": [option.payload() for option in self.options],
            "dm_permission": True,
            "contexts": [0, 1, 2],
            "integration_types": [0, 1],
            "nsfw": False,
        }


_DIMENSIONS = (("Portrait", "--ar 2:3"), ("Square", "--ar 1:1"), ("Landscape", "--ar 3:2"))


@dataclass(frozen=True)
class Definition:
    """One slash command as both bots have it, with its (id, version) at each of them."""

    name: str
    description: str
    mj: tuple[str, str]
    niji: tuple[str, str]
    options: tuple[Option, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What a client can call, as in Interaction.name: the command, or each of its sub-commands."""
        sub_commands = tuple(f"{self.name} {option.name}" for option in self.options if option.type == SUB_COMMAND)
        return sub_commands or (self.name,)

    def at(self, application_id: str) -> Command:
        """Return the command as one of the two bots first registered it."""
        command_id, version = self.mj if application_id == MJ_APPLICATION_ID else self.niji
        return Command(application_id, command_id, version, self.name, self.description, self.options)


# In the index's order. Its handler stands in bot/router.py under each of its `names`. Ids and versions are as observed
# in 2026; those of turbo and prefer were never observed and are made up.
DEFINITIONS = (
    Definition(
        "imagine",
        "Create images with Midjourney",
        mj=("938956540159881230", "1237876415471554623"),
        niji=("1023054140580057099", "1248805223892254774"),
        options=(Option(STRING, "prompt", "The prompt to imagine", required=True),),
    ),
    Definition(
        "blend",
        "Blend images together seamlessly",
        mj=("1062880104792997970", "1237876415471554624"),
        niji=("1061216934374424697", "1248805223892254775"),
        options=(
            Option(ATTACHMENT, "image1", "First image to add to the blend", required=True),
            Option(ATTACHMENT, "image2", "Second image to add to the blend", required=True),
            Option(STRING, "dimensions", "The dimensions of the image", choices=_DIMENSIONS),
            *(Option(ATTACHMENT, f"image{n}", f"Image {n} to add to the blend (optional)") for n in (3, 4, 5)),
        ),
    ),
    Definition(
        "describe",
        "Write a prompt based on your image",
        mj=("1092492867185950852", "1237876415471554625"),
        niji=("1092683500743831652", "1248805223892254776"),
        options=(
            Option(ATTACHMENT, "image", "The image to describe"),
            Option(STRING, "link", "The link of the image to describe"),
        ),
    ),
    Definition(
        "shorten",
        "Analyze and shorten a prompt",
        mj=("1121575372539039774", "1247736572414001223"),
        niji=("1121575453916942376", "1248805223892254777"),
        options=(Option(STRING, "prompt", "The prompt to shorten", required=True),),
    ),
    Definition(
        "show",
        "Show a job by its id",
        mj=("1169435442328911902", "1247736572414001224"),
        niji=("1023054140580057101", "1248805223892254781"),
        options=(Option(STRING, "job_id", "The job id of the job to show", required=True),),
    ),
    Definition(
        "info",
        "View information about your profile",
        mj=("972289487818334209", "1237876415735660565"),
        niji=("1023054140580057102", "1248805223892254782"),
    ),
    Definition(
        "fast",
        "Switch to fast mode",
        mj=("972289487818334212", "1237876415735660572"),
        niji=("1023054140580057107", "1248805223925940261"),
    ),
    Definition(
        "relax",
        "Switch to relax mode",
        mj=("972289487818334213", "1237876415735660573"),
        niji=("1023054140634579024", "1248805223925940262"),
    ),
    Definition(
        "settings",
        "View and adjust your personal settings",
        mj=("1000850743479255081", "1493662068581077053"),
        niji=("1023054140634579025", "1493662157915684906"),
    ),
    Definition(
        "turbo",
        "Switch to turbo mode",
        mj=("1124132684143271996", "1237876415735660574"),
        niji=("1124132742028939317", "1248805223925940263"),
    ),
    Definition(
        "prefer",
        "Set your preferences",
        mj=("984273800587776053", "1237876415735660575"),
        niji=("1023054140580057105", "1248805223925940264"),
        options=(Option(SUB_COMMAND, "remix", "Toggle remix mode"),),
    ),
)


class CommandIndex:
    """Both bots' commands with their present versions, wherever the bots are."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.reset()

    def reset(self) -> None:
        """Go back to the versions of DEFINITIONS."""
        self.commands = [definition.at(application_id) for application_id in BOTS for definition in DEFINITIONS]

    def bump(self, name: str | None = None, *, new_ids: bool = False) -> None:
        """Re-register the commands of this name, or all: their old versions are stale from now on.

        With `new_ids` they were deleted and created again, so that their old ids are stale, too.
        """
        for command in self.commands:
            if name in (None, command.name):
                command.version = _next(command.version)
                command.id = _next(command.id) if new_ids else command.id

    def find(self, application_id: str, command_id: str) -> Command | None:
        """Find a command by its bot and id."""
        return next((c for c in self.commands if (c.application_id, c.id) == (application_id, command_id)), None)

    def payload(self, bots: tuple[User, ...]) -> Json:
        """Show the index of a place where these bots are."""
        here = {bot.id for bot in bots}
        return {
            "applications": [application_payload(bot.id) for bot in bots],
            "application_commands": [c.payload() for c in self.commands if c.application_id in here],
            "version": "1",
        }


def _next(snowflake: str) -> str:
    """Make an id one millisecond younger."""
    return str(int(snowflake) + (1 << 22))


def application_payload(application_id: str) -> Json:
    """Describe one bot's application."""
    bot = BOTS[application_id]
    return {"id": bot.id, "name": bot.username, "description": "", "icon": None, "bot": bot.payload()}
