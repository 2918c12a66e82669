"""The engine: a job's life as messages in one JetStream stream.

A verb takes a `QueueStore` first and stores one message, guarded by the last one seen. Nothing here
knows BullMQ's classes; of its options only what decides where a job goes and how long it stays.
A job's way:

    adding         in: one publish, 'create only'; many as one batch, or noted first
    source         to a worker: from the head of the queue, from the line, by priority
    taking         claimed: the ticket becomes a lease
    lease          held: renewed, changed, ended by who holds it
    finishing      out: completed, failed, or again later; `settle` tells the parent first

What these stand on, from the ground up:

    wire/          the connection; `replies` what comes back, `hub` and `credentials` whose it is
    names, record  subjects and what is stored on them; `clock` when; `streams`, `consumers` where
    guard, placing what a message demands and brings about; `templates` the usual ones, filled in
    store          one queue's place in all this; `batch`, `grouping`, `pace` ways to the server
    moving         one job from one state to another

Jobs that are added       insertion, notes, journal, ids, collector, deduplication, schedules,
                          intake
To a worker's slots       head, line, looking, feed, feeds, supply, fetcher, hand, hints, resting,
                          arrival, giving_back, leftovers
Due times                 promoter, promoting, due_order, late
Limits                    gate and permits (rate); place_book, places, starting (concurrency)
Parents and children      parentage, bookkeeping, parents, releasing
Reading                   reading, patches, pages, families, paging, singles, replicas, counting,
                          idle, settings, inventory
What belongs to a job     belongings, blobs, logs
Events and figures        events, event_limits, listening, hearsay, metrics, presence
Tidying and repair        retention, rounds, repair, flushing

The words are the wire format's (docs/wire-format.md), the reasons are in docs/decisions.
"""
