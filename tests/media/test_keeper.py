"""Final pictures are kept as they appear; whoever asks gets the kept one, or a fresh one."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from midway.discord.settings import ClientSettings
from midway.domain.errors import NotFound, Reason, Unavailable
from midway.domain.ids import Revision
from midway.domain.lifecycle import Progressed, Restyled
from midway.domain.task import Task
from midway.media import keeper as keeper_module
from midway.media.archive import Archive, Retention
from midway.media.downloads import Fetch
from midway.media.keeper import ArchiveKeeper
from midway.store.memory import MemoryStore
from midway.store.port import StoreUnavailable
from midway.store.watch import Watch
from structlog.testing import capture_logs

from tests.media.conftest import MOMENT, QUICK, Cdn, Shelf, drawn, fetching, given, keeping, late, live, put, succeeded
from tests.store.tasks import advance


@pytest.fixture
def keeper(store: MemoryStore, watch: Watch, shelf: Shelf, fetch: Fetch) -> ArchiveKeeper:
    return ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)


async def test_picture_of_a_task_that_succeeds_is_kept(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn
):
    async with keeping(keeper):
        task = await live(store, Progressed(50, image=cdn.image("preview.webp")), succeeded(cdn.image()))
        await shelf.until(lambda: shelf.has(task.id))

    assert cdn.asked == ["grid.png"]


async def test_picture_that_came_late_is_kept(store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn):
    task = await late(store, cdn.image())

    async with keeping(keeper):
        await shelf.until(lambda: shelf.has(task.id))

    assert cdn.asked == ["grid.png"]


async def test_previews_and_tasks_without_picture_are_passed_over(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn
):
    await live(store, Progressed(50, image=cdn.image("preview.webp")))
    last = await live(store, succeeded(None))

    async with keeping(keeper):
        await shelf.until(lambda: shelf.bookmark() == last.revision)

    assert cdn.asked == []


async def test_failed_fetch_is_tried_again_and_logged_once(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn
):
    cdn.failures = 4
    task = await live(store, succeeded(cdn.image()))

    with capture_logs() as logs:
        async with keeping(keeper):
            await shelf.until(lambda: shelf.has(task.id))

    assert len(cdn.asked) == 5
    assert [entry["event"] for entry in logs] == ["picture cannot be kept yet"]


async def test_link_signed_anew_meanwhile_is_used_at_the_next_try(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn
):
    cdn.gate.clear()
    cdn.failures = 1
    task = await live(store, succeeded(cdn.image("old.png")))

    async with keeping(keeper):
        await advance(store, task, Restyled(cdn.image("new.png"), ()))
        cdn.gate.set()
        await shelf.until(lambda: shelf.has(task.id))

    assert cdn.asked[-1] == "new.png"


async def test_picture_that_is_gone_is_given_up_at_once(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn
):
    await live(store, succeeded(cdn.image(key="expired")))

    with capture_logs() as logs:
        async with keeping(keeper):
            kept = await live(store, succeeded(cdn.image()))
            await shelf.until(lambda: shelf.has(kept.id))

    assert [entry["event"] for entry in logs] == ["picture is gone"]
    assert len(cdn.asked) == 2


async def test_picture_that_cannot_be_had_is_given_up_in_the_end(
    store: MemoryStore, watch: Watch, shelf: Shelf, cdn: Cdn, fetch: Fetch
):
    cdn.failures = 1000
    stubborn = await live(store, succeeded(cdn.image()))
    keeper = ArchiveKeeper(store, watch, shelf, fetch, rules=replace(QUICK, max_tries=3))

    with capture_logs() as logs:
        async with keeping(keeper):
            await shelf.until(lambda: shelf.bookmark() == stubborn.revision)

    assert len(cdn.asked) == 3
    assert [entry["log_level"] for entry in logs] == ["warning", "error"]


async def test_disk_that_refuses_for_a_while_loses_nothing(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn, monkeypatch: pytest.MonkeyPatch
):
    task = await live(store, succeeded(cdn.image()))
    real_keep, refusals = shelf.keep, iter([True, True])

    def stumbling(*args: Any) -> Any:
        if next(refusals, False):
            raise OSError(28, "No space left on device")
        return real_keep(*args)

    monkeypatch.setattr(shelf, "keep", stumbling)
    async with keeping(keeper):
        await shelf.until(lambda: shelf.has(task.id))

    assert next(refusals, None) is None


async def test_what_was_finished_while_nobody_looked_is_kept(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn
):
    tasks = [await live(store, succeeded(cdn.image())) for _ in range(30)]

    async with keeping(keeper):
        await shelf.until(lambda: all(shelf.has(task.id) for task in tasks))

    assert len(cdn.asked) == 30


async def test_next_run_takes_up_what_this_one_left(
    store: MemoryStore, watch: Watch, shelf: Shelf, cdn: Cdn, fetch: Fetch
):
    cdn.gate.clear()
    left = await live(store, succeeded(cdn.image()))
    last = await live(store)
    async with keeping(ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)):
        await shelf.until(lambda: 0 < shelf.bookmark() < last.revision)
    cdn.gate.set()

    async with keeping(ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)):
        await shelf.until(lambda: shelf.has(left.id))

    assert set(cdn.asked) == {"grid.png"}


async def test_bookmark_does_not_pass_a_picture_that_waits_for_room(
    store: MemoryStore, watch: Watch, shelf: Shelf, cdn: Cdn, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keeper_module, "MOST_PENDING", 1)
    cdn.gate.clear()
    first, second, _ = [await live(store, succeeded(cdn.image())) for _ in range(3)]
    keeper = ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)
    async with keeping(keeper):
        await cdn.is_asked.wait()
        waiting = dict(keeper._pending)  # the bookmark stays before all of them
        cdn.gate.set()

    assert waiting == {first.id: first.revision, second.id: second.revision}


async def test_keeper_that_was_interrupted_goes_on_with_what_waited_for_room(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keeper_module, "MOST_PENDING", 1)
    cdn.gate.clear()
    tasks = [await live(store, succeeded(cdn.image())) for _ in range(3)]
    async with keeping(keeper):
        await cdn.is_asked.wait()
    kept_before = [shelf.has(task.id) for task in tasks]
    cdn.gate.set()

    async with keeping(keeper):
        await shelf.until(lambda: shelf.bookmark() == tasks[-1].revision)

    assert kept_before == [False] * 3
    assert [shelf.has(task.id) for task in tasks] == [True] * 3


async def test_store_that_refuses_for_a_while_loses_nothing(
    store: MemoryStore,
    shelf: Shelf,
    keeper: ArchiveKeeper,
    cdn: Cdn,
    monkeypatch: pytest.MonkeyPatch,
):
    task = await live(store, succeeded(cdn.image()))
    real_changes, refusals = store.changes, iter([True, True])

    async def stumbling(*args: Any) -> list[Task]:
        if next(refusals, False):
            raise StoreUnavailable("the disk refuses")
        return await real_changes(*args)

    monkeypatch.setattr(store, "changes", stumbling)
    monkeypatch.setattr(keeper_module, "STORE_PAUSE", MOMENT)
    async with keeping(keeper):
        await shelf.until(lambda: shelf.has(task.id))

    assert next(refusals, None) is None


async def test_what_was_dealt_with_is_not_looked_at_again(
    store: MemoryStore, watch: Watch, shelf: Shelf, cdn: Cdn, fetch: Fetch
):
    """A picture that was thrown away since stays away until somebody asks for it."""
    old = await live(store, succeeded(cdn.image()))
    put(shelf, old.id, drawn())
    shelf.put_bookmark(await store.revision())
    shelf.prune(Retention(max_total_bytes=0), old.updated_at)

    async with keeping(ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)):
        new = await live(store, succeeded(cdn.image()))
        await shelf.until(lambda: shelf.has(new.id))

    assert not shelf.has(old.id)


async def test_bookmark_of_another_database_is_ignored(
    store: MemoryStore, watch: Watch, shelf: Shelf, cdn: Cdn, fetch: Fetch
):
    shelf.put_bookmark(Revision(10**6))
    task = await live(store, succeeded(cdn.image()))

    async with keeping(ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK)):
        await shelf.until(lambda: shelf.has(task.id))

    assert cdn.asked == ["grid.png"]


async def test_pictures_over_the_bounds_are_pruned_while_running(
    store: MemoryStore, watch: Watch, shelf: Shelf, cdn: Cdn, fetch: Fetch
):
    task = await live(store, succeeded(cdn.image()))
    put(shelf, task.id, drawn())
    shelf.put_bookmark(await store.revision())
    keeper = ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK, retention=Retention(max_total_bytes=1))

    async with keeping(keeper):
        await shelf.until(lambda: not shelf.has(task.id))

    assert cdn.asked == []


async def test_task_older_than_the_archive_keeps_is_not_fetched(
    store: MemoryStore, watch: Watch, shelf: Shelf, cdn: Cdn, fetch: Fetch
):
    await live(store, succeeded(cdn.image()))
    keeper = ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK, retention=Retention(max_age=timedelta(0)))

    async with keeping(keeper):
        last = await store.revision()
        await shelf.until(lambda: shelf.bookmark() == last)

    assert cdn.asked == []


async def test_kept_picture_is_given_without_asking_discord(
    store: MemoryStore, archive: Archive, keeper: ArchiveKeeper, cdn: Cdn
):
    task = await live(store, succeeded(cdn.image(key="expired")))
    put(archive, task.id, drawn("WEBP"))

    assert await given(keeper, task) == (drawn("WEBP"), "image/webp")
    assert cdn.asked == []


async def test_final_picture_fetched_on_demand_is_kept(
    store: MemoryStore, archive: Archive, keeper: ArchiveKeeper, cdn: Cdn
):
    task = await live(store, succeeded(cdn.image()))

    assert await given(keeper, task) == (cdn.picture, "image/png")
    assert await given(keeper, task) == (cdn.picture, "image/png")
    assert len(cdn.asked) == 1


async def test_preview_is_given_but_not_kept(store: MemoryStore, archive: Archive, keeper: ArchiveKeeper, cdn: Cdn):
    cdn.picture = drawn("WEBP")
    task = await live(store, Progressed(30, image=cdn.image("preview.webp")))

    assert await given(keeper, task) == (cdn.picture, "image/webp")
    assert not archive.has(task.id)


@pytest.mark.parametrize("call", ["new_part", "keep"])
async def test_picture_is_given_although_the_disk_refuses(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn, monkeypatch: pytest.MonkeyPatch, call: str
):
    monkeypatch.setattr(shelf, call, full)
    task = await live(store, succeeded(cdn.image()))

    assert await given(keeper, task) == (cdn.picture, "image/png")


async def test_no_disk_at_all_is_told_as_unavailable(
    store: MemoryStore, shelf: Shelf, keeper: ArchiveKeeper, cdn: Cdn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "mkstemp", full)
    task = await live(store, succeeded(cdn.image()))

    with pytest.raises(Unavailable, match="no disk takes the picture: No space left on device"):
        await given(keeper, task)


def full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


async def test_task_without_picture_has_none_to_give(store: MemoryStore, keeper: ArchiveKeeper):
    task = await live(store)

    with pytest.raises(NotFound) as refusal:
        await given(keeper, task)

    assert refusal.value.reason is Reason.IMAGE_NOT_AVAILABLE


async def test_cdn_that_does_not_answer_is_told_as_unavailable(
    store: MemoryStore, watch: Watch, shelf: Shelf, cdn: Cdn
):
    cdn.gate.clear()
    task = await live(store, succeeded(cdn.image()))
    async with fetching(f"http://{cdn.host}", replace(ClientSettings(), stall_timeout=20 * MOMENT)) as fetch:
        with pytest.raises(Unavailable):
            await given(ArchiveKeeper(store, watch, shelf, fetch, rules=QUICK), task)
    cdn.gate.set()
