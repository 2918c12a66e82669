"""BullMQ's commands, each a few ledger steps with BullMQ's rules, texts and events.

The interface classes (queue, job, worker, flow producer) call these; nothing here knows NATS.

    one job in          adding: draft, preparing, ruling, storing; deduplicating, linking
    many plain ones     pipelining: in one go behind their note
    many, or a tree     inserting, flows: known, planning, noting; completing what a note holds
    at work             fetching, holding, ending, locks; announcing tells the events
    before and after    waiting, delaying, changing, retrying, children, logs; bulk for whole states
    away                removal, burying, cleaning, cancelling, obliterating, orphans
    as in Redis         hashes
"""
