"""What becomes of an Interaction when Discord or the way to it fails. Nothing is ever sent twice on doubt."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from discord_simulator.errors import OutdatedCommand
from discord_simulator.fault import Fault
from discord_simulator.faults.answers import (
    AccessLost,
    CaptchaDemanded,
    CloudflareBan,
    CommandOutdated,
    ConnectionCut,
    IndexWarming,
    MessageGone,
    ServerError,
    ServerErrorAfterAccept,
    SlowAnswer,
    TimeOutAfterAccept,
    TokenRefused,
    TooManyRequests,
    VerificationDemanded,
)
from discord_simulator.faults.events import EventLost
from discord_simulator.faults.interactions import NoEventAfterAccept
from discord_simulator.faults.sockets import SessionInvalidated
from discord_simulator.options import Options
from midway.discord.errors import (
    CaptchaWanted,
    Forbidden,
    NotConnected,
    RateLimited,
    Rejected,
    StaleCommand,
    Unauthorized,
    Unknown,
    UnknownMessage,
)
from midway.discord.event import Disconnected, InteractionCreated, MessageCreated
from midway.domain.ids import Nonce

from tests.discord.connected import PATIENCE, QUICK, Linked, connected, imagine

ALWAYS = None  # as a fault's `times`: until cleared, so that a second request would show
HURRIED = replace(QUICK, interact_timeout=timedelta(milliseconds=300))


async def refusal(linked: Linked, kind: type[Exception]) -> Exception:
    with pytest.raises(kind) as raised:
        await asyncio.wait_for(linked.imagine("a red fox"), PATIENCE)
    return raised.value


@pytest.mark.parametrize(
    ("fault", "kind", "status", "code"),
    [
        (TokenRefused(times=ALWAYS), Unauthorized, 401, 0),
        (VerificationDemanded(times=ALWAYS), Forbidden, 403, 40002),
        (AccessLost(times=ALWAYS), Forbidden, 403, 50001),
        (MessageGone(times=ALWAYS), UnknownMessage, 404, 10008),
        (CaptchaDemanded(times=ALWAYS), CaptchaWanted, 400, 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Fault) else "",
)
async def test_a_refusal_is_told_exactly_and_sent_once(fault, kind, status, code):
    async with connected() as linked:
        linked.arm(fault)
        rejected = await refusal(linked, kind)

        assert isinstance(rejected, Rejected)
        assert (rejected.status, rejected.code) == (status, code)
        assert linked.faulty_posts() == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 507, 522, 524])
async def test_a_server_error_is_not_repeated(status):
    """discord.py-self by itself would send five times after most of these."""
    async with connected() as linked:
        linked.arm(ServerError(times=ALWAYS, status=status))
        await refusal(linked, Unknown)

        assert linked.faulty_posts() == 1


async def test_a_silent_server_is_not_asked_again():
    async with connected(settings=HURRIED) as linked:
        linked.arm(SlowAnswer(times=ALWAYS, seconds=3600))
        await refusal(linked, Unknown)

        assert linked.faulty_posts() == 1


async def test_an_answer_that_the_end_of_the_session_cut_off_is_no_refusal():
    """Discord ended the session while the request was under way; the job ran, and its picture found another Task."""
    async with connected() as linked:
        linked.arm(SlowAnswer(route="interactions", seconds=3600))
        sent = asyncio.create_task(linked.imagine("a red fox"))
        async with asyncio.timeout(PATIENCE):
            while not linked.faulty_posts():  # noqa: ASYNC110 -- nothing tells of a request without an answer
                await asyncio.sleep(0.01)
        linked.arm(SessionInvalidated())
        await linked.seen.wait(Disconnected)

        with pytest.raises(Unknown):
            await asyncio.wait_for(sent, PATIENCE)


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_cut_connection_is_not_repeated(accepted):
    """Libcurl by itself would send again when the connection had served a request before."""
    async with connected() as linked:
        await linked.grid()
        proofs = ("INTERACTION_CREATE", "INTERACTION_SUCCESS", "MESSAGE_CREATE")
        linked.arm(ConnectionCut(times=ALWAYS, accepted=accepted))
        linked.arm(*(EventLost(event=name, times=ALWAYS) for name in proofs))
        await refusal(linked, Unknown)

        cuts = [line for line in linked.journal("fault") if line["fault"] == "ConnectionCut"]
        assert len(cuts) == 1


@pytest.mark.parametrize(
    "fault",
    [
        ServerErrorAfterAccept(times=ALWAYS),
        ConnectionCut(times=ALWAYS, accepted=True),
        TimeOutAfterAccept(seconds=3600),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_events_prove_acceptance_although_the_answer_is_lost(fault):
    async with connected() as linked:
        linked.arm(fault)
        nonce = await linked.imagine("a red fox")

        assert linked.seen.of(InteractionCreated)[0].nonce == nonce
        assert len([line for line in linked.journal("interaction") if line["nonce"] == nonce]) == 1


async def test_an_answer_alone_proves_acceptance():
    async with connected() as linked:
        linked.arm(NoEventAfterAccept())
        await linked.imagine("a red fox")

        assert linked.seen.of(InteractionCreated) == []


async def test_a_short_rate_limit_is_honoured():
    async with connected() as linked:
        linked.arm(TooManyRequests(retry_after=0.05, times=2))
        await linked.imagine("a red fox")

        assert linked.faulty_posts() == 2
        assert [line["status"] for line in linked.journal("interaction")] == [204]


@pytest.mark.parametrize("with_header", [False, True])
async def test_a_long_rate_limit_is_told(with_header):
    async with connected() as linked:
        linked.arm(TooManyRequests(retry_after=600, times=ALWAYS, with_header=with_header))
        limited = await refusal(linked, RateLimited)

        assert isinstance(limited, RateLimited)
        assert limited.retry_after == 600
        assert linked.faulty_posts() == 1


async def test_a_block_by_cloudflare_is_a_rate_limit():
    async with connected() as linked:
        linked.arm(CloudflareBan(times=ALWAYS))
        await refusal(linked, RateLimited)

        assert linked.faulty_posts() == 1


async def test_what_our_limiter_holds_back_was_certainly_not_sent():
    """One a second is allowed, so that of four the last cannot leave in time; it may not count as unknown."""
    async with connected(settings=HURRIED, options=Options(interactions_per_second=1)) as linked:
        outcomes = await asyncio.gather(
            *(linked.imagine(f"fox {number}") for number in range(4)), return_exceptions=True
        )

        taken = [line for line in linked.journal("interaction") if line["status"] == 204]
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert {type(error) for error in errors} == {RateLimited}
        assert len(taken) == len(outcomes) - len(errors)


async def test_a_bumped_version_is_looked_up_once_more():
    async with connected() as linked:
        await linked.imagine("a first fox")
        linked.simulator.world.commands.bump()
        nonce = await linked.imagine("a red fox")

        sent = [line for line in linked.journal("interaction") if line["nonce"] == nonce]
        assert [line["status"] for line in sent] == [400, 204]
        await linked.seen.wait(MessageCreated, lambda event: event.message.nonce == nonce)


async def test_twenty_stale_interactions_look_up_once():
    async with connected() as linked:
        await linked.imagine("a first fox")
        linked.simulator.world.commands.bump()
        await asyncio.gather(*(linked.imagine(f"fox {number}") for number in range(20)))

        routes = [line["route"] for line in linked.journal("request")]
        assert routes.count("command_index_of") == 2


async def test_a_command_that_was_made_anew_under_another_id_is_looked_up_once_more():
    async with connected() as linked:
        await linked.imagine("a first fox")
        linked.simulator.world.commands.bump(new_ids=True)
        nonce = await linked.imagine("a red fox")

        sent = [line for line in linked.journal("interaction") if line["nonce"] == nonce]
        assert [line["status"] for line in sent] == [400, 204]


async def test_a_command_that_the_account_may_not_use_is_not_taken_for_a_stale_one():
    async with connected() as linked:
        reason = "INTERACTION_APPLICATION_COMMAND_INVALID_PERMISSIONS"
        linked.arm(CommandOutdated(times=ALWAYS, reason=reason, message="您没有使用该命令的权限"))
        refused = await refusal(linked, Rejected)

        assert not isinstance(refused, StaleCommand)
        assert linked.faulty_posts() == 1


@pytest.mark.parametrize("message", [OutdatedCommand.MESSAGE, "该权限已过时，请稍候几分钟再试"])
@pytest.mark.parametrize("reason", [OutdatedCommand.VERSION, OutdatedCommand.COMMAND])
async def test_a_version_that_stays_stale_is_told_in_whatever_language_it_comes(reason: str, message: str):
    async with connected() as linked:
        linked.arm(CommandOutdated(times=ALWAYS, reason=reason, message=message))
        await refusal(linked, StaleCommand)

        assert linked.faulty_posts() == 2


async def test_another_refusal_of_a_command_is_not_repeated():
    """The version turns out to be the present one, so the nonce of 26 characters must be at fault."""
    async with connected() as linked:
        with pytest.raises(Rejected):
            await linked.client.interact(imagine("a blue fox"), Nonce("9" * 26))

        assert [line["status"] for line in linked.journal("interaction")] == [400]


async def test_a_command_index_that_warms_up_is_waited_for():
    async with connected() as linked:
        linked.arm(IndexWarming(retry_after=0.01))

        assert await linked.imagine("a red fox")


async def test_an_unreachable_api_means_that_nothing_was_sent():
    async with connected() as linked:
        await linked.imagine("a first fox")
        linked.client._gateway.http.endpoints = replace(
            linked.client._gateway.http.endpoints, api="http://127.0.0.1:1/api/v9", only_host=None
        )
        await refusal(linked, NotConnected)

        assert len(linked.journal("interaction")) == 1


async def test_nothing_is_sent_without_a_session():
    async with connected() as linked:
        await linked.simulator.stop()
        await linked.seen.wait(Disconnected)
        await refusal(linked, NotConnected)

        assert linked.journal("interaction") == []
