"""A queue carried to NATS, and back to Redis again."""

from __future__ import annotations

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict
from bull2jet.source.door import Door

from .reading import schedulers, snapshot


async def there(options: Options) -> Report:
    """Carries everything; both sides are equal."""
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    checked = await verify(options, Silent())
    assert checked.verdict is Verdict.FINE, checked.findings
    return report


async def and_back(options: Options, door: Door) -> None:
    """Carries everything back; it is what it was."""
    before, rules = await snapshot(door), await schedulers(door)
    await there(options)
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert await snapshot(door) == before
    assert await schedulers(door) == rules
