"""Print the permissions a role needs, for a NATS server that denies everything else.

`conf` is for a user in the server's configuration file: what stands between the outer braces goes
behind the password. `nsc` is a command for decentralised authentication (put the user's name for
USER).
"""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser, Namespace

from jetbull.options import DEFAULT_PREFIX
from jetbull.permissions import ROLES, Permissions, permissions_of

__all__ = ["configure", "run"]


def configure(parser: ArgumentParser) -> None:
    """Add the options of `jetbull permissions`."""
    parser.add_argument("--role", required=True, choices=ROLES)
    parser.add_argument(
        "--queue",
        required=True,
        action="append",
        metavar="NAME",
        help="give it again for more queues: a flow over several needs them all",
    )
    parser.add_argument(
        "--prefix", default=DEFAULT_PREFIX, help="BullMQ's prefix (default %(default)s)"
    )
    parser.add_argument(
        "--inbox",
        default="_INBOX",
        metavar="PREFIX",
        help="the user's own prefix of answers (option inbox_prefix of its connection)",
    )
    parser.add_argument("--format", choices=["conf", "nsc"], default="conf")


def run(args: Namespace) -> int:
    """Print them."""
    permissions = permissions_of(args.role, args.queue, args.prefix, args.inbox)
    print(_nsc(permissions) if args.format == "nsc" else _conf(permissions))
    return 0


def _conf(permissions: Permissions) -> str:
    return json.dumps({"permissions": permissions.as_config()}, indent=2)


def _nsc(permissions: Permissions) -> str:
    words = ["nsc", "edit", "user", "USER", "--allow-pub-response"]
    for subject in permissions.publish:
        words += ["--allow-pub", shlex.quote(subject)]
    for subject in permissions.subscribe:
        words += ["--allow-sub", shlex.quote(subject)]
    return " ".join(words)
