"""The only place that imports nats-py: a connection with cheap acknowledged publishes.

All replies come to one inbox subscription and are told apart by a counter in the reply subject,
so an acknowledged publish costs a future, not a subscription or a task. When the connection
drops, every open question fails at once with `AckTimeout`: the caller decides what to repeat.

nats-py connects, authenticates and parses. The two ends of its pipe are shortened, since they would
be half of a job's cost: what one turn of the event loop sends is gathered and written at once
(`client`), and plain functions that listen are called by the reader itself (`parser`).
`dialing` makes a connection; `subscription` and `connection` outlive a server that goes away, and
`ended` an event loop. A wire is that on three floors: `answering` waits for answers (`replies`,
`many_stored`; `stored` is a message in one, `refusals` are the errors), `sending` publishes, `wire`
reads. `pace` measures which of two ways is quicker; `busy_poll` keeps the loop awake for an answer
that is due.
"""

from __future__ import annotations

from jetbull.ledger.wire.client import Client, command_of
from jetbull.ledger.wire.parser import Handler
from jetbull.ledger.wire.replies import Msg
from jetbull.ledger.wire.stored import StoredMessage
from jetbull.ledger.wire.subscription import Subscription
from jetbull.ledger.wire.wire import NO_LEADER, NO_MESSAGE, Wire

__all__ = [
    "NO_LEADER",
    "NO_MESSAGE",
    "Client",
    "Handler",
    "Msg",
    "StoredMessage",
    "Subscription",
    "Wire",
    "command_of",
]
