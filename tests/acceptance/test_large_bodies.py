"""Five pictures as large as browsers send them fit through; what is too large is told so in JSON."""

import asyncio
import os

from PIL import Image

from tests.acceptance.client import data_url, encoded

EDGE = 1448  # pixels; noise of this size is a PNG of 6 MB, and five in base64 are 42 MB
BODY_LIMIT = 48 * 1024 * 1024  # bytes, Envoy's


def noise() -> str:
    """Make a picture that no compression makes smaller."""
    return data_url(encoded(Image.frombytes("RGB", (EDGE, EDGE), os.urandom(EDGE * EDGE * 3)), compress_level=0))


async def test_five_pictures_of_six_megabytes_are_blended(client):
    pictures = await asyncio.gather(*(asyncio.to_thread(noise) for _ in range(5)))

    task = await client.done("blend", base64Array=pictures)

    assert sum(map(len, pictures)) > 40_000_000
    assert task["action"] == "BLEND"


async def test_a_body_over_the_limit_is_413_with_an_object(client):
    async with client.http.post("/mj/submit/describe", data=b'{"base64":"' + b"A" * BODY_LIMIT + b'"}') as answer:
        body = await answer.json()

    assert (answer.status, body["code"], isinstance(body["description"], str)) == (413, 413, True)
