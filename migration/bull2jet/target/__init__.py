"""The side that jobs are carried to: a protocol, and JetStream behind it.

`protocol` says what carrying, verifying and rolling back need; `jetstream` speaks it by the steps
of jetbull's ledger, and the other modules are its parts:

records, families, timers   a job, what stands beside it, and whether it will be taken in time
listing, clearing           which jobs are in a state; jobs taken off again
limits, schedulers, holding, rules
                            settings, schedulers, deduplication ids, and what of them has no room
traces                      what became of jobs that are gone
checkpoints                 how far each queue is
"""
