"""Where the messages of a state lay when somebody last looked."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reach"]


@dataclass(slots=True)
class Reach:
    """What is known of one state's messages from the last look.

    `first` is a sequence before which there are none, of the connection numbered `connection`: a
    server that was killed may give sequences out again. `spread` (sequences for each message),
    `back` (how many there were from which sequence on) and `few` are good for a guess.
    """

    first: int = 1
    connection: int = 0
    spread: float = 1.0
    back: tuple[int, int] = (0, 0)
    few: bool = False
