"""Scripts of Tasks with uploaded pictures: the bot shows them as links before the words."""

import pytest
from midway.domain.action import Action
from midway.domain.task import END_IMAGE, VideoAsk

from tests.engine.stage import NO_PACE, Stage, id_of, the_task

UPLOADED = "https://cdn.discordapp.com/a/1.png?ex=1"


@pytest.mark.parametrize("action", [Action.VIDEO, Action.IMAGINE])
def test_the_same_words_with_a_link_are_another_picture(action: Action) -> None:
    """What told of the first job's start was lost: its picture was taken for the other's."""
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1, action=action, prompt_en="a fox", image_count=1))
    stage.prepared(1, UPLOADED)
    stage.sent(1)
    drawn = stage.draws(1, prompt="<https://s.mj.run/aaa> a fox")
    held = stage.take(the_task(2, action=action, prompt_en="a fox", links=("https://x.example/b.png",)))
    stage.hear(drawn.finished())

    assert held == []  # its messages could not be told from the first one's
    assert (stage.state(1), stage.tasks[id_of(1)].job_id) == ("SUCCEEDED", drawn.job_id)
    assert stage.tasks[id_of(2)].job_id is None


def test_a_film_is_known_by_its_words_and_first_frame() -> None:
    """The last frame stands behind the words, as a parameter."""
    stage = Stage(pace=NO_PACE)
    ask = {"action": Action.VIDEO, "prompt_en": "a fox --video 1", "image_count": 2, "video": VideoAsk(end=END_IMAGE)}
    stage.take(the_task(1, **ask))
    stage.prepared(1, UPLOADED, UPLOADED)
    stage.sent(1)
    drawn = stage.draws(1, prompt="<https://s.mj.run/aaa> a fox --video 1 --end <https://s.mj.run/bbb>")
    stage.hear(drawn.finished())

    assert stage.state(1) == "SUCCEEDED"
