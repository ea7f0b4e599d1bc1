from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.metrics_adapter.objects import Objects, refusing

from mmpipe.telemetry.testing import capture
from mmpipe_operator.cluster import Cluster, ClusterError, Conflict, Refused, Unavailable
from mmpipe_operator.kinds import SECRET, Ref
from mmpipe_operator.metrics_adapter.certificates import CertificateError, Files, Keeper, Kept, Serving, keep
from mmpipe_operator.metrics_adapter.issuing import Lifetimes, Material, covers, fits, renewed
from mmpipe_operator.metrics_adapter.settings import AdapterSettings

SETTINGS = AdapterSettings(namespace="mmpipe-system")
WHERE = Ref(SECRET, "mmpipe-system", "mmpipe-metrics-adapter-tls")
HOST = "mmpipe-metrics-adapter.mmpipe-system.svc"
DAY = timedelta(days=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def kept(objects: Objects, clock: Clock | None = None) -> Kept:
    return Kept(cast("Cluster", objects), SETTINGS, clock or Clock())


def issued(host: str = HOST) -> Material:
    return renewed(None, host, Lifetimes(90 * DAY, 3650 * DAY), datetime.now(UTC))


def written(folder: Path, made: Material) -> None:
    for name, content in (("tls.crt", made.chain), ("tls.key", made.key), ("ca.crt", made.authority)):
        (folder / name).write_bytes(content)


@asynchronous
async def test_two_replicas_serve_with_the_one_certificate_that_the_first_of_them_made() -> None:
    objects, clock = Objects(), Clock()

    first, second = await kept(objects, clock).look(), await kept(objects, clock).look()

    assert first == second
    assert objects.writes == ["create"]
    assert fits(first.chain, first.key)
    assert objects.held[WHERE]["type"] == "Opaque"
    assert sorted(objects.held[WHERE]["data"]) == ["ca.crt", "ca.key", "tls.crt", "tls.key"]


@asynchronous
async def test_the_empty_secret_of_the_chart_is_filled_and_its_labels_stay() -> None:
    objects = Objects()
    objects.put(WHERE, {"metadata": {"labels": {"a": "b"}}})

    await kept(objects).look()

    assert objects.writes == ["merge"]
    assert objects.held[WHERE]["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize("verb", ["create", "merge"])
def test_a_replica_that_comes_second_takes_what_the_other_has_written(verb: str) -> None:
    objects, theirs = Objects(), issued()
    if verb == "merge":
        objects.put(WHERE, {"data": {}})

    def other(asked: str, _: Ref) -> None:
        if asked == verb and "ca.key" not in objects.held.get(WHERE, {}).get("data", {}):
            values = (theirs.chain, theirs.key, theirs.authority, theirs.authority_key)
            names = ("tls.crt", "tls.key", "ca.crt", "ca.key")
            objects.put(WHERE, {"data": dict(zip(names, map(_base64, values), strict=True))})

    objects.before = other
    found = asyncio.run(Kept(cast("Cluster", objects), SETTINGS, lambda: datetime.now(UTC)).look())

    assert found == Serving(theirs.chain, theirs.key, theirs.authority)


@asynchronous
async def test_a_secret_that_never_rests_is_given_up_until_the_next_look() -> None:
    objects = Objects()
    objects.put(WHERE, {"data": {}})
    objects.before = refusing("merge", Conflict("PATCH", "Conflict", "it has changed"))

    with pytest.raises(Conflict, match="expected it to rest"):
        await kept(objects).look()


@asynchronous
async def test_a_certificate_that_is_due_is_written_once_and_taken_over_by_the_others() -> None:
    objects, clock = Objects(), Clock()
    replicas = [kept(objects, clock), kept(objects, clock)]
    before = await replicas[0].look()

    clock.now += 60 * DAY
    after = [await replica.look() for replica in replicas]

    assert after[0] == after[1] != before
    assert objects.writes == ["create", "merge"]


@asynchronous
async def test_data_that_is_no_base64_is_made_anew() -> None:
    objects = Objects()
    objects.put(WHERE, {"data": {"tls.crt": "%"}})

    found = await kept(objects).look()

    assert fits(found.chain, found.key)


@asynchronous
async def test_a_missing_secret_that_may_not_be_made_names_the_remedy() -> None:
    objects = Objects()
    objects.before = refusing("create", Refused("POST", "Forbidden", "no"))

    with pytest.raises(CertificateError, match=r"mmpipe-metrics-adapter-tls: found none.*run helm upgrade"):
        await kept(objects).look()


class Given:
    """A source that has what a test says, in order; the last stays."""

    def __init__(self, *found: Serving | ClusterError) -> None:
        self.found = list(found)

    async def look(self) -> Serving:
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, ClusterError):
            raise found
        return found


def serving(made: Material, authority: bytes | None = None) -> Serving:
    return Serving(made.chain, made.key, authority or made.authority)


@asynchronous
async def test_a_new_authority_is_told_before_what_it_has_signed_is_served() -> None:
    old, new = serving(issued()), serving(issued())
    used: list[Serving] = []
    keeper = Keeper(Given(old, new), used.append, 0.1)

    await keeper.look()
    await keeper.look()

    assert used == [old, Serving(old.chain, old.key, new.authority), new]


@asynchronous
async def test_a_new_certificate_of_a_known_authority_is_served_at_once() -> None:
    made, other = issued(), issued()
    both = made.authority + other.authority
    used: list[Serving] = []
    keeper = Keeper(Given(serving(made, both), serving(other, both)), used.append, 1e6)

    await keeper.look()
    await asyncio.wait_for(keeper.look(), 1)

    assert [each.chain for each in used] == [made.chain, other.chain]


@asynchronous
async def test_the_same_certificate_is_not_handed_over_again() -> None:
    used: list[Serving] = []
    keeper = Keeper(Given(serving(issued())), used.append, 1)

    await keeper.look()
    await keeper.look()

    assert len(used) == 1


@asynchronous
async def test_while_the_api_server_is_away_what_is_served_stays_and_one_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    used: list[Serving] = []
    away = Unavailable("GET secrets", "Unreachable", "no answer")
    keeper = Keeper(Given(serving(issued()), away), used.append, 1)

    for _ in range(3):
        await keeper.look()

    assert len(used) == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["GET secrets: no answer"]


@asynchronous
async def test_how_long_a_certificate_is_still_good_is_measured() -> None:
    with capture() as emitted:
        keeping = asyncio.create_task(Keeper(Given(serving(issued())), lambda _: None, 1e9).keep())
        await asyncio.sleep(0.05)
        left = cast("Any", emitted.metrics()["mmpipe.adapter.certificate.remaining"]).data.data_points[0].value
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    assert left == pytest.approx(90 * 86_400, abs=60)


@asynchronous
async def test_files_of_a_mounted_secret_are_served_and_nothing_is_asked_of_the_cluster(tmp_path: Path) -> None:
    made, objects, used = issued(), Objects(), list[Serving]()
    written(tmp_path, made)
    settings = SETTINGS.model_copy(update={"tls_folder": str(tmp_path)})

    with suppress(TimeoutError):
        await asyncio.wait_for(keep(cast("Cluster", objects), settings, used.append), 0.1)

    assert used == [serving(made)]
    assert objects.writes == []


@asynchronous
async def test_files_that_were_changed_are_taken_over(tmp_path: Path) -> None:
    files, first, second = Files(SETTINGS.model_copy(update={"tls_folder": str(tmp_path)})), issued(), issued()
    written(tmp_path, first)
    assert await files.look() == serving(first)

    written(tmp_path, second)

    assert await files.look() == serving(second)
    assert not covers(first.authority, second.authority)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "ca.crt").unlink(), "ca.crt: found No such file or directory, expected the keys"),
        (
            lambda folder: (folder / "ca.crt").write_text("none"),
            "ca.crt: found no certificate, expected the authority's",
        ),
        (
            lambda folder: (folder / "tls.key").write_bytes(issued().key),
            "tls.key: found the key of another certificate",
        ),
        (
            lambda folder: (folder / "tls.crt").write_text(""),
            f"found no certificate with a name, expected one for {HOST}",
        ),
        (lambda folder: written(folder, issued("a.b.svc")), f"tls.crt: found a.b.svc, expected one for {HOST}"),
    ],
    ids=["no file", "no authority", "another key", "nothing", "another name"],
)
def test_files_that_cannot_be_served_end_the_start_with_the_remedy(tmp_path: Path, spoil: Any, message: str) -> None:  # noqa: ANN401  # a function of the table
    written(tmp_path, issued())
    spoil(tmp_path)
    settings = SETTINGS.model_copy(update={"tls_folder": str(tmp_path)})

    with pytest.raises(CertificateError) as error:
        asyncio.run(keep(cast("Cluster", Objects()), settings, lambda _: None))

    assert message in str(error.value)


def test_no_key_is_in_what_is_printed() -> None:
    made = issued()

    assert "PRIVATE" not in repr(made) + repr(serving(made))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
