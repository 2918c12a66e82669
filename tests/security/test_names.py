"""Names are subjects: hostile ones reach nothing but their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jetbull import Queue
from jetbull.errors import ConfigurationError
from jetbull.ledger.messages.tokens import escape, unescape
from jetbull.server import EmbeddedServer

HOSTILE = [
    "a.>",
    "*",
    ">",
    "a.*.b",
    "$JS.API.STREAM.DELETE.JB_bull",
    "..",
    ".",
    " ",
    "queue\r\nPUB x 1\r\na",
    "nul\0byte",
    "tab\tname",
    "sessionEnd:42:x",
    "=41",
    "A",
    "ä",
    "a\u0308",
    "\u202eevil",
    "\ud800",
    "l" * 900,
    "日本語",
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with EmbeddedServer() as server:
        yield server.url


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_token_without_meaning_and_comes_back(name: str) -> None:
    token = escape(name)
    assert not set(token) & set(".*> \r\n\t\0")
    assert token.isascii()
    assert unescape(token) == name


def test_no_two_names_share_a_token() -> None:
    assert len({escape(name) for name in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("queue_name", ["a.>", "*", "queue\r\nPUB x 1\r\na", "日本語"])
async def test_jobs_of_hostile_ids_live_and_die_apart(url: str, queue_name: str) -> None:
    queue, bystander = Queue(queue_name, {"connection": url}), Queue("calm", {"connection": url})
    spared = await bystander.add("spared", {})
    ids = [name for name in HOSTILE if name.strip() and not name.startswith("0:")]
    for job_id in ids:
        await queue.add(
            "job", {"id": job_id.encode("utf-8", "replace").decode()}, {"jobId": job_id}
        )
    assert await queue.getWaitingCount() == len(ids)
    for removed, job_id in enumerate(ids, 1):
        await queue.remove(job_id)
        assert await queue.getWaitingCount() == len(ids) - removed
    await queue.obliterate({"force": True})
    assert await bystander.getJob(spared.id) is not None
    await bystander.obliterate({"force": True})
    await queue.close()
    await bystander.close()


async def test_a_name_of_ten_kilobytes_is_refused_by_name(url: str) -> None:
    queue = Queue("q", {"connection": url})
    with pytest.raises(ConfigurationError, match="is too long"):
        await queue.add("job", {}, {"jobId": "x" * 10_000})
    await queue.close()
