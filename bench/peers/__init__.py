"""Who is compared: one file per peer, the same four calls each.

`Producer(url, options)` with `open`, `add(data)`, `add_bulk(rows)` and `close`, all async, and
`work(url, options, concurrency, handle)`, which calls `handle(data)` for each job until it is
cancelled. `options` are the job options of a scenario, in BullMQ's words.
"""
