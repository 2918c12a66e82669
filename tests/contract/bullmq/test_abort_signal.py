"""AbortController, AbortSignal and AbortError on their own."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.signals import PATIENCE


async def test_a_fresh_signal_is_not_aborted(backend: Backend) -> None:
    signal = backend.AbortController().signal
    assert (signal.aborted, signal.reason) == (False, None)
    signal.throw_if_aborted()


async def test_aborting_sets_signal_and_reason(backend: Backend) -> None:
    controller = backend.AbortController()
    controller.abort("enough")
    assert (controller.signal.aborted, controller.signal.reason) == (True, "enough")


async def test_the_first_reason_stays(backend: Backend) -> None:
    controller = backend.AbortController()
    controller.abort("first")
    controller.abort("second")
    assert controller.signal.reason == "first"


async def test_wait_ends_when_the_signal_is_aborted(backend: Backend) -> None:
    controller = backend.AbortController()
    waiting = asyncio.ensure_future(controller.signal.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    controller.abort()
    assert await asyncio.wait_for(waiting, PATIENCE) is None


async def test_wait_returns_at_once_after_the_abort(backend: Backend) -> None:
    controller = backend.AbortController()
    controller.abort()
    await asyncio.wait_for(controller.signal.wait(), PATIENCE)
    assert controller.signal.aborted


async def test_throw_if_aborted_raises_the_reason(backend: Backend) -> None:
    controller = backend.AbortController()
    controller.abort("enough")
    with pytest.raises(backend.AbortError, match=r"^enough$") as caught:
        controller.signal.throw_if_aborted()
    assert caught.value.reason == "enough"


def test_an_abort_error_without_a_reason_has_a_text_of_its_own(backend: Backend) -> None:
    error = backend.AbortError()
    assert (str(error), error.reason) == ("The operation was aborted", None)
    assert isinstance(error, Exception)


async def test_a_signal_can_be_made_alone(backend: Backend) -> None:
    assert backend.AbortSignal().aborted is False
