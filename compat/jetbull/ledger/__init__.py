"""The engine: a job's life as messages in one JetStream stream.

A verb takes a `QueueStore` first and stores one message, guarded by the last one seen. Nothing here
knows BullMQ's classes; of its options only what decides where a job goes and how long it stays.

A job's way, and who helps on it:

    adding/         in: one publish, 'create only'; many as one batch, or noted first
    taking/         to a worker's slots, and claimed: the ticket becomes a lease
    limits/         not more than a rate or a global concurrency allows
    finishing/      out: completed, failed, or again later; kept or removed; repaired
    parents/        flows: who waits for whom

What these stand on, from the top down; each folder imports only from those below it:

    queue/          settings, counts, pages, workers and events of one queue
    job/            one job read, rewritten, moved, held
    belongings/     its logs and large data
    store/          one queue's place in all this: every verb's first argument
    streams/        the streams of a prefix, its event log and id counter
    wire/           the connection, the one place that imports nats-py
    messages/       names, records and headers: what is stored, and where

`hub` shares connections between all that run in one event loop; `credentials` says who they are.
The words are the wire format's (docs/wire-format.md), the reasons are in docs/decisions.
"""
