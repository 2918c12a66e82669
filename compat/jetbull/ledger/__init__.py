"""The engine: a job's life as messages in one JetStream stream.

A verb is a function that takes a `QueueStore` first and stores one message, guarded by the sequence
of the last one it has seen. Nothing here knows BullMQ's classes, and of its options only those that
decide where a job goes and how long it stays.

The steps of a job's life:

    adding/         in: one 'create only' publish; several jobs as one batch, or noted first
    taking/         to the slots of a worker: a ticket is claimed and becomes a lease
    limits/         no more of them than a rate limit or the global concurrency allows
    finishing/      out: completed, failed or tried again; kept or removed; repaired after a crash
    parents/        flows: which parent waits for which children

What they are built on, from the top down; each folder imports only from those below it:

    queue/          settings, counts, pages, workers and events of one queue
    job/            one job: read, rewritten, moved, held
    belongings/     what belongs to it: log rows and large data
    store/          one queue's place in the ledger: the first argument of every verb
    streams/        the streams of a prefix, its event log and its id counters
    wire/           the connection; the only folder that imports nats-py
    messages/       what is stored, and where: names, records, headers

`hub` shares one connection between all that runs in an event loop, `opened` are the queues that
were opened over it; `credentials` turns the login that callers give into what nats-py takes.
CONTRIBUTING.md follows one job through these rooms and explains their words;
what is stored is in docs/wire-format.md, the reasons are in docs/decisions.
"""
