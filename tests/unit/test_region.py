"""Masks are scaled one at a time: decoded, the largest takes half a gigabyte."""

import asyncio
import threading

import pytest
from midway.domain.action import Action
from midway.domain.ids import TaskId
from midway.domain.image import Image, InputImage
from midway.domain.lifecycle import new_task
from midway.domain.task import Ask
from midway.engine import region
from midway.engine.region import Regions
from midway.pictures.checks import PictureLimits, mask_from_bytes
from msgspec.structs import replace

from tests.support.pictures import mask_for
from tests.unit.making import NOW

PARENT = replace(
    new_task(Ask(action=Action.UPSCALE), task_id=TaskId("1"), now=NOW), image=Image("https://cdn.invalid/1", 64, 64)
)


async def never(*_: object) -> None:
    raise AssertionError("the size is known")


async def test_many_masks_at_once_are_scaled_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scaling = threading.Lock()
    were_alone: list[bool] = []

    def scaled(data: bytes, field: str, limits: PictureLimits, size: tuple[int, int] | None) -> InputImage:
        were_alone.append(is_alone := scaling.acquire(blocking=False))
        try:
            return mask_from_bytes(data, field, limits, size)
        finally:
            if is_alone:
                scaling.release()

    monkeypatch.setattr(region, "mask_from_bytes", scaled)
    regions = Regions(never, PictureLimits())
    fitted = await asyncio.gather(*(regions.fitted(mask_for(1500, 1500), PARENT) for _ in range(8)))

    assert {(mask.width, mask.height) for mask in fitted} == {(64, 64)}
    assert were_alone == [True] * 8
