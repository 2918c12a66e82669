"""Counts of carrying and comparing as report lines."""

from __future__ import annotations

from bull2jet.report.lines import QueueLine, StateLine
from bull2jet.transfer.carry import Carrier
from bull2jet.transfer.verify import Verifier


def fill_carried(line: QueueLine, carrier: Carrier) -> None:
    """What a run carried."""
    for state, tally in carrier.tallies.items():
        report = line.states.setdefault(state.value, StateLine())
        report.carried = tally.carried
        report.already = tally.already
        report.left = tally.left
        report.count = tally.carried + tally.already + tally.left
        report.bytes, report.largest = tally.bytes, tally.largest


def fill_comparison(line: QueueLine, verifier: Verifier) -> None:
    """What a comparison gave."""
    for state, comparison in verifier.states.items():
        report = line.states.setdefault(state.value, StateLine())
        report.equal = comparison.equal
        report.moved_on = comparison.moved_on
        report.different = comparison.different
        report.missing = comparison.missing
        report.digest = comparison.source.content
        report.target_digest = comparison.target.content
        report.order = comparison.source.order
        report.in_order = comparison.in_order
        report.count = max(report.count, comparison.source.count)
        report.bytes = max(report.bytes, comparison.bytes)
        report.largest = max(report.largest, comparison.largest)


__all__ = ["fill_carried", "fill_comparison"]
