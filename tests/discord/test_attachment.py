"""File names of discord-wire 2.2 tell the job; signatures never do."""

import pytest
from midway.discord.attachment import images_from_attachments, job_id_from_url
from midway.domain.image import Image

JOB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
CDN = "https://cdn.discordapp.com/attachments/333/1"
SIGNATURE = "?ex=67750000&is=6773ae80&hm=0000000011112222333344445555666677778888&"


@pytest.mark.parametrize(
    "url",
    [
        f"{CDN}/user_a_red_fox_{JOB}.png{SIGNATURE}",
        f"{CDN}/{JOB}_grid_0.webp{SIGNATURE}",
        f"https://cdn.discordapp.com/ephemeral-attachments/333/1/{JOB}_0_step_3.jpeg{SIGNATURE}",
        f"{CDN}/{JOB}_0_0.png",
        f"{CDN}/{JOB}_0.mp4{SIGNATURE}",
        f"https://cdn.midjourney.com/{JOB}/0_2.png",
        f"https://cdn.midjourney.com/video/{JOB}/0_0.mp4",
        f"https://www.midjourney.com/jobs/{JOB.upper()}?index=0",
        f"{CDN}/user_11111111-2222-4333-8444-555555555555_{JOB}.png",
    ],
)
def test_the_job_is_in_the_path(url):
    assert job_id_from_url(url) == JOB


def test_a_job_in_the_query_does_not_count():
    assert job_id_from_url(f"{CDN}/cat.png?job={JOB}") is None


def test_an_attachment_keeps_what_discord_said():
    raw = {
        "id": "2",
        "filename": "cat.png",
        "url": f"{CDN}/cat.png",
        "width": 2688,
        "height": 1792,
        "size": 5_000_000,
        "content_type": "image/png",
    }

    assert images_from_attachments([raw]) == (Image(f"{CDN}/cat.png", 2688, 1792, "image/png", 5_000_000, "cat.png"),)


def test_missing_and_null_fields_are_unknown():
    assert images_from_attachments([{"url": CDN, "width": None}]) == (Image(CDN),)


def test_an_attachment_without_link_is_left_out():
    assert images_from_attachments([{"id": "1"}]) == images_from_attachments(None) == ()
