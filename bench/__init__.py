"""Benchmarks: `python -m bench` compares jetbull with its peers; docs/performance.md explains.

    python -m bench                the table: jetbull, BullMQ for Python and Node, raw nats-py
    python -m bench calls          the calls of the interface, beside BullMQ for Python
    python -m bench ledger         CPU per operation of the ledger, for client and server
    python -m bench depth          the cost with many jobs in each state
    python -m bench scale          one, two and four worker processes
    python -m bench durability     sync_interval always, and three servers with three replicas
    python -m bench soak           half an hour under load: nothing may grow

The rows of the table and of durability are jetbull as `pip install` makes it beside a C compiler,
built from this checkout first; what else is measured is the checkout as it is.

`family` knows the peers, which are in `peers`, each a `child` process, and gives all the same job
(`payload`); `scenarios` measures it, `table` compares, `servers` starts what they run on.

Each takes `--quick`. Servers are started on loopback with fresh folders and end with the run.
"""
