"""The short set: processes, links and servers broken under load, one run of each.

A failure prints the seed; `python -m tests.faults --seed N --only "name"` runs it again. The long
set is `python -m tests.faults --minutes 60`.
"""

from __future__ import annotations

import pytest
from tests.faults import all_faults
from tests.faults.running import perform

_SEED = 20261125
_QUICK = [name for name, fault in all_faults().items() if fault.quick]


@pytest.mark.timeout(400)  # the run's own patience ends before, and says what is wrong
@pytest.mark.parametrize("name", _QUICK)
async def test_nothing_is_lost_and_nothing_recorded_twice_when(name: str) -> None:
    result = await perform(all_faults()[name], _SEED)
    print(result.told())
    assert result.problems == [], result.told()
