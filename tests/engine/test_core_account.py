"""Scripts of an Account's own state: a person who is needed, Tasks that go elsewhere, what a connection brings."""

from midway.discord.event import Connected, Disconnected, IframeOpened, TokenRefused
from midway.domain.ids import AccountId, ChannelId, InteractionId

from tests.engine.stage import CONNECTED, NO_PACE, Stage, a_press, id_of, the_task
from tests.unit.making import USER

OTHER, THERE = AccountId("1002"), ChannelId("3002")


def test_waiting_tasks_of_a_paused_account_are_offered_to_others_and_the_rest_go_on() -> None:
    stage = Stage(slots=1)
    job = stage.until_running(the_task(1))
    stage.take(the_task(2, prompt_en="a blue owl"))

    assert stage.do(lambda core: core.pause("look")) == ["write account PAUSED", "relocate 2"]
    assert stage.hear(job.finished())[0].startswith("write 1 v4 SUCCEEDED")


def test_a_task_that_no_other_account_can_run_says_once_for_what_it_waits() -> None:
    stage = Stage()
    stage.core.pause("look")
    stage.take(the_task(1))

    assert stage.do(lambda core: core.keep_waiting(id_of(1))) == ["write 1 v2 QUEUED"]
    assert stage.do(lambda core: core.keep_waiting(id_of(1))) == []
    assert stage.tasks[id_of(1)].notices == ("the account waits for a person: look",)


def test_a_task_that_is_bound_to_the_account_is_not_offered_and_says_once_for_what_it_waits() -> None:
    stage = Stage()
    stage.core.pause("look")

    assert stage.take(a_press(1, "MJ::JOB::upsample::1::x")) == ["write 1 v2 QUEUED"]
    assert stage.wait(60) == []
    assert stage.do(lambda core: core.resume()) == ["write account ACTIVE", "prepare 1"]


def test_a_task_that_is_given_away_is_another_accounts_from_then_on() -> None:
    stage = Stage()
    stage.core.pause("look")
    stage.take(the_task(1))

    assert stage.do(lambda core: core.give_away(id_of(1), OTHER, THERE)) == ["write 1 v2 QUEUED"]
    task = stage.tasks[id_of(1)]
    assert (task.account_id, task.channel_id) == (OTHER, THERE)
    assert stage.wait(60) == []


def test_what_is_ready_or_prepared_when_a_person_is_needed_goes_elsewhere() -> None:
    stage = Stage()
    stage.take(the_task(1), the_task(2, prompt_en="a blue owl"), the_task(3, prompt_en="a lake"))
    stage.prepared(1)
    stage.prepared(2)

    assert stage.do(lambda core: core.pause("look")) == ["write account PAUSED", "relocate 2"]
    assert stage.prepared(3) == ["relocate 3"]


def test_what_waits_is_offered_together_and_again_with_each_sweep_only() -> None:
    """Each event of a paused account asked all others, for each of its tasks."""
    stage = Stage()
    stage.core.pause("look")

    assert stage.take(the_task(1), the_task(2), the_task(3)) == ["relocate 1 2 3"]
    assert [stage.look_around() for _ in range(100)] == [[]] * 100
    assert stage.take(the_task(4)) == ["relocate 4"]
    assert stage.wait(1) == ["relocate 1 2 3 4"]


def test_a_refused_token_stops_the_account_until_it_connects_again() -> None:
    stage = Stage()
    stage.take(the_task(1))

    assert stage.hear(TokenRefused("4004")) == ["write account INVALID"]
    assert stage.hear(CONNECTED)[0] == "write account ACTIVE"


def test_a_need_for_a_person_is_not_softened_and_its_first_reason_stays() -> None:
    stage = Stage()
    check = IframeOpened(InteractionId("4001"), None, "MJ::x", "Verify", "/captcha/1")

    assert stage.hear(check) == ["write account PAUSED"]
    assert stage.do(lambda core: core.pause("by hand")) == []
    assert stage.marks[-1].reason == "Discord asks for a person: Verify"


def test_the_need_for_a_person_outlives_a_restart() -> None:
    stage = Stage()
    stage.do(lambda core: core.pause("look"))
    stage.restart()

    assert stage.take(the_task(1)) == ["relocate 1"]


def test_nothing_is_sent_or_prepared_without_a_connection() -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1), the_task(2, prompt_en="a blue owl"))
    stage.hear(Disconnected("lost"))
    stage.is_connected = False

    assert stage.prepared(1) == []
    assert stage.take(the_task(3, prompt_en="a lake")) == []
    stage.is_connected = True
    assert stage.hear(Connected(USER, "owner", resumed=True)) == [
        "write 1 v2 SUBMITTING, +1",
        "post 1 command",
        "prepare 3",
    ]


def test_a_new_session_looks_for_what_was_missed_and_asks_for_the_settings_once() -> None:
    stage = Stage(connected=False, sync_settings=True)
    stage.is_connected = True

    assert stage.hear(CONNECTED) == ["read the newest 200", "ask for the settings"]
    assert stage.history() == []
    assert stage.hear(CONNECTED) == ["read the newest 200"]
    assert stage.hear(Connected(USER, "owner", resumed=True)) == []


def test_a_closing_account_sends_nothing_more() -> None:
    stage = Stage(pace=NO_PACE)
    stage.take(the_task(1), the_task(2, prompt_en="a blue owl"))
    stage.core.send_queue.close()

    assert stage.prepared(1) == []
    assert stage.wait(60) == []
