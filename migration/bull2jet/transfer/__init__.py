"""Carrying queues over.

mapping, flows          what a job becomes, and which queues belong together (pure)
renumbering             new ids for jobs whose numbers the target has given too
draining, carry         the frozen queue: wait for active jobs, copy, take over
queue_wide, owning      schedulers, limits, deduplication ids
verify, verify_rules, living    the second reading, and what may have changed since
sweeping, news, bridge  the live queue: what comes late
giveback, keeping, leftover     the way back, without the target too, and what was never carried
archive                 the end: write down and remove
checkpoint, belonging   how far it has come, and whose it is
"""
