"""BullMQ's commands: each takes a few steps of the ledger, by BullMQ's rules, with its messages and
events.

The interface (queue, job, worker, flow producer) calls these; they know none of its classes.

    one job in          adding: draft, preparing, ruling, storing; deduplicating, linking
    many plain ones     pipelining: in one go behind their note
    many, or a tree     inserting, flows: known, planning, noting; completing what a note holds
    at work             fetching, holding, ending, locks; announcing tells the events
    before and after    waiting, delaying, changing, retrying, children, logs; bulk for whole states
                        missed_ends: what a parent should have heard
    away                removing: a job, with its descendants; removal: what one takes along;
                        removing_many, cleaning, cancelling, obliterating, orphans;
                        farewells tell of a family
    as in Redis         hashes
"""
