"""The inside of `jetbull.worker.Worker`, from the top down.

body            what others see of a worker, and what can be done to its jobs
serving         a worker at work on one connection: its slots, and the loops beside them
silence         a worker that closes beside a server that says nothing
slots           each takes a job, runs it, stores its outcome, and takes the next
slot_supply     where slots get their jobs; limited_starts while a limit holds
admission       may another job start? with blocking, settings_watch and background
outcomes        running one job and storing how it ended
hand_driven, manual    the same steps for callers that drive a worker by hand
stalled_check, upkeep, tickets  what dead workers and crashes leave behind
processors, settings   what a worker may call, and its options
roles           a worker as each of these sees it
"""
