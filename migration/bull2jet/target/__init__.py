"""The side that jobs are carried to: a protocol, and JetStream behind it.

`protocol` says what carrying, verifying and rolling back need; `jetstream` is the only module that
knows jetbull's ledger.
"""
