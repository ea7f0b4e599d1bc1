from __future__ import annotations

import asyncio
import threading
from typing import Any

import kopf
import pytest
from tests.asynchronous import asynchronous

from mmpipe_operator.watching import handlers as subject


@asynchronous
async def test_what_kopf_ends_with_is_raised_and_tasks_of_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def operator(**_: object) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:  # as kopf does in the end
            task.cancel()
        raise kopf.LoginError("too old")

    monkeypatch.setattr(kopf, "operator", operator)
    other = asyncio.create_task(asyncio.Event().wait())
    with pytest.raises(kopf.LoginError, match="too old"):
        await subject.watch((), lambda *_: None)
    assert not other.done()
    other.cancel()


@asynchronous
async def test_events_are_told_in_the_callers_loop_until_the_watch_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = threading.Event()

    async def operator(registry: kopf.OperatorRegistry, stop_flag: asyncio.Event, **_: object) -> None:
        [handler] = registry._watching.get_all_handlers()  # noqa: SLF001  # kopf has no other way to be played
        told: Any = handler.fn
        await told(event={"type": "ADDED", "object": {"metadata": {"name": "media"}}})
        await stop_flag.wait()
        stopped.set()

    monkeypatch.setattr(kopf, "operator", operator)
    seen: asyncio.Queue[tuple[str | None, str, int]] = asyncio.Queue()
    watching = asyncio.create_task(
        subject.watch(
            ("team",),
            lambda event, manifest: seen.put_nowait((event, manifest["metadata"]["name"], threading.get_ident())),
        )
    )
    assert await asyncio.wait_for(seen.get(), 5) == ("ADDED", "media", threading.get_ident())
    watching.cancel()
    await asyncio.wait([watching])
    assert await asyncio.to_thread(stopped.wait, 5)


@asynchronous
async def test_kopf_copies_nothing_of_an_object_to_see_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[kopf.OperatorSettings] = []

    async def operator(settings: kopf.OperatorSettings, **_: object) -> None:
        given.append(settings)

    monkeypatch.setattr(kopf, "operator", operator)
    await subject.watch((), lambda *_: None)
    [settings] = given
    body = kopf.Body({"metadata": {"name": "media"}, "spec": {"paused": True}})
    assert settings.persistence.diffbase_storage.build(body=body) == {}
    assert settings.persistence.diffbase_storage.fetch(body=body) is None
