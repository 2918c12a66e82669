"""Steps of producers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.contract.bullmq.machine.drawn import DATA, FAR, options
from tests.contract.bullmq.machine.life import Life


class Producing(Life):
    """Jobs, bulks, flows and children that come later."""

    @precondition(lambda self: len(self.known) < 3)
    @rule(many=st.lists(st.tuples(DATA, options()), min_size=3, max_size=6))
    def begin_with_some(self, many: list[tuple[Any, dict[str, Any]]]) -> None:
        for data, opts in many:
            self.add_one(data, opts)

    @rule(data=DATA, opts=options())
    def add(self, data: Any, opts: dict[str, Any]) -> None:
        self.add_one(data, opts)

    def add_one(self, data: Any, opts: dict[str, Any]) -> None:
        self.learn(self.same(lambda side: side.queue.add("job", data, dict(opts))))

    @rule(many=st.lists(st.tuples(DATA, options()), min_size=0, max_size=4))
    def add_bulk(self, many: list[tuple[Any, dict[str, Any]]]) -> None:
        rows = [{"name": "bulk", "data": d, "opts": o} for d, o in many if "deduplication" not in o]
        for job in self.same(lambda side: side.queue.addBulk([dict(r) for r in rows])) or ():
            self.learn(job)

    @rule(
        policy=st.sampled_from(
            [
                "",
                "failParentOnFailure",
                "ignoreDependencyOnFailure",
                "removeDependencyOnFailure",
                "continueParentOnFailure",
            ]
        ),
        own=st.booleans(),
        opts=st.sampled_from([{}, {"priority": 1}, {"delay": FAR}]),
    )
    def add_flow(self, policy: str, own: bool, opts: dict[str, Any]) -> None:
        self.tokens += 1
        number = self.tokens
        queue = "main" if own else "children"
        child = {policy: True} if policy else {}

        def tree() -> dict[str, Any]:
            return {
                "name": "parent",
                "queueName": "main",
                "data": {},
                "opts": {"jobId": f"p{number}", **opts},
                "children": [
                    {
                        "name": "child",
                        "queueName": queue,
                        "data": {},
                        "opts": {"jobId": f"k{number}-{n}", **child},
                    }
                    for n in range(2)
                ],
            }

        self.same(lambda side: side.flows.add(tree()))
        self.known.append(f"p{number}")
        if own:
            self.known += [f"k{number}-0", f"k{number}-1"]

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def add_child_later(self, data: Any) -> None:
        parent = self.pick(data, self.known)
        self.learn(
            self.same(
                lambda side: side.queue.add(
                    "late", {}, {"parent": {"id": parent, "queue": side.queue.qualifiedName}}
                )
            )
        )
