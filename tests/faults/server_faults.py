"""What happens to servers."""

from __future__ import annotations

import asyncio
import resource

from tests.faults.catalogue import fault
from tests.faults.stage import Stage

__all__: list[str] = []


@fault("server kill -9 and restart under load", quick=True)
async def killed(stage: Stage) -> int:
    """Three times, back at once."""
    for _ in range(3):
        await stage.servers.kill()
        await stage.servers.start()
        await stage.some_time(1.0, 2.0)
    return 3


@fault("server away while delayed jobs fall due", quick=True)
async def away(stage: Stage) -> int:
    """Six seconds, twice the lease: all leases and the delays of the producers fall due."""
    await stage.servers.kill()
    await asyncio.sleep(6)
    await stage.servers.start()
    return 1


@fault("server away for a minute")
async def away_long(stage: Stage) -> int:
    """Longer than producers wait, longer than tombstones live."""
    await stage.servers.kill()
    await asyncio.sleep(60)
    await stage.servers.start()
    return 1


@fault("server stopped and continued")
async def frozen(stage: Stage) -> int:
    """SIGSTOP: the server holds connections and pull requests and answers nothing."""
    stage.servers.freeze()
    await asyncio.sleep(8)
    stage.servers.thaw()
    return 1


@fault("disk full, then room and a server restart")
async def disk_full(stage: Stage) -> int:
    """The server's files may grow no more. nats-server then answers nothing until restarted."""
    pid = stage.servers.nodes[0].pid
    assert pid is not None
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    await asyncio.sleep(8)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    await stage.servers.kill()
    await stage.servers.start()
    return 1


@fault("cluster: leader of the jobs killed", nodes=3, quick=True)
async def leader_killed(stage: Stage) -> int:
    """The node that leads the stream of jobs dies and comes back."""
    for _ in range(2):
        number = stage.servers.node_named(await _leader(stage))
        await stage.servers.kill(number)
        await stage.some_time(2.0, 4.0)
        await stage.servers.start(number)
        await stage.some_time(2.0, 3.0)
    return 2


@fault("cluster: rolling restart", nodes=3)
async def rolling(stage: Stage) -> int:
    """Each node is stopped and started, one after the other."""
    for number in range(3):
        await stage.servers.stop(number)
        await asyncio.sleep(1)
        await stage.servers.start(number)
        await asyncio.sleep(5)
    return 3


@fault("cluster: minority lost", nodes=3)
async def minority(stage: Stage) -> int:
    """One node stays away for the rest of the run."""
    number = stage.servers.node_named(await _leader(stage))
    await stage.servers.kill(number)
    await asyncio.sleep(3)
    return 1


@fault("cluster: majority lost for 5 s", nodes=3)
async def majority(stage: Stage) -> int:
    """Nothing can be stored meanwhile, and nothing that was is lost."""
    await asyncio.gather(stage.servers.kill(0), stage.servers.kill(1))
    await asyncio.sleep(5)
    await asyncio.gather(stage.servers.start(0), stage.servers.start(1))
    return 1


async def _leader(stage: Stage) -> str:
    store = await stage.ledger()
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
    return str(info["cluster"]["leader"])
