"""Workers know of a change of their queue's settings before whoever made it goes on."""

from __future__ import annotations

from jetbull import Queue
from jetbull.workers.settings_watch import SettingsWatch


async def test_a_change_from_this_process_is_taken_in_and_told_before_its_call_is_over(
    queue: Queue,
) -> None:
    told: list[str] = []
    watch = SettingsWatch(
        await queue.ledger(),
        lambda values: told.append(f"paused: {bool(values.get('paused'))}"),
        lambda: told.append("news"),
        lambda: told.append("lost"),
        lambda: told.append("change"),
    )
    await watch.open()
    await queue.pause()
    await queue.resume()
    assert told == [
        "paused: False",
        *("news", "paused: True", "change"),
        *("news", "paused: False", "change"),
    ]
    await watch.close()
