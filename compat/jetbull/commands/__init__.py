"""BullMQ's commands, each a few ledger steps with BullMQ's rules, texts and events.

The interface classes (queue, job, worker, flow producer) call these; nothing here knows NATS.
"""
