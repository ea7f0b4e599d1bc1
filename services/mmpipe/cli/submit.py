"""``mmpipe submit``: an input goes to a pipeline's gateway, and, if asked, is waited for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from mmpipe.cli.options import TOKEN_ENV, GatewayAddress, Json, Quiet, TokenEnv
from mmpipe.cli.stopping import EXIT_INTERRUPTED, stopping

if TYPE_CHECKING:
    from mmpipe.cli.submission import Submitted
    from mmpipe.client import Client
    from mmpipe.records import Sample

type Observer = Callable[[Submitted], None]

_EXIT_REFUSED = 1
_WATCHED_AT_ONCE = 8
_WATCH_S = 2.0
"""So long a sample is watched before Ctrl-C is looked for."""


def submit(
    where: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A folder, file, glob, archive (tar, zip), manifest (JSONL, CSV, Parquet) or - for stdin.",
        ),
    ],
    gateway: GatewayAddress = None,
    *,
    token_env: TokenEnv = TOKEN_ENV,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until every sample is stored, quarantined or dead.")
    ] = False,
    id_prefix: Annotated[
        str | None, typer.Option(help="First part of the samples' ids, instead of the input's name.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Hand an input to a pipeline's gateway: what is accepted is durable. Large media are uploaded first.

    A second submission stores nothing twice. Ctrl-C finishes what is in flight. Ends with 0; 1 where the gateway
    refused a sample, a part could not be read, or a sample that was waited for is dead; 2 for an input or an address
    that cannot be used; 3 where the gateway stays away; 130 when interrupted.
    """
    from mmpipe.adapters.inputs import InputLimits, open_input
    from mmpipe.cli import submission
    from mmpipe.cli.connection import connect

    done = submission.Submitted(keep_ids=wait)
    samples = open_input(where, InputLimits(), id_prefix=id_prefix)
    shown = submission.shown(enabled=not (quiet or as_json))
    with connect(gateway, token_env) as client, stopping() as stop, shown as observe:
        _send(client, _readable(samples, done, stop), done, observe)
        if wait:
            _await_settled(client, done, stop, observe)
    if as_json:
        typer.echo(json.dumps(submission.as_dict(done, interrupted=stop.is_set()), indent=2))
    elif not quiet:
        submission.print_summary(done, interrupted=stop.is_set())
    raise typer.Exit(EXIT_INTERRUPTED if stop.is_set() else 0 if done.whole else _EXIT_REFUSED)


def _readable(samples: Iterable[Sample], done: Submitted, stop: Event) -> Iterator[Sample]:
    """The samples that have something to send, until ``stop`` is set."""
    for sample in samples:
        if stop.is_set():
            return
        done.leave_out(sample)
        if sample.parts:
            yield sample


def _send(client: Client, samples: Iterator[Sample], done: Submitted, observe: Observer) -> None:
    for receipt in client.ingest(samples):
        done.add(receipt)
        observe(done)
    done.end()


def _await_settled(client: Client, done: Submitted, stop: Event, observe: Observer) -> None:
    with ThreadPoolExecutor(_WATCHED_AT_ONCE, thread_name_prefix="mmpipe-watch") as watchers:
        for state in watchers.map(lambda sample_id: _settled(client, sample_id, stop), done.ids):
            if state:
                done.settled[state] += 1
                observe(done)


def _settled(client: Client, sample_id: str, stop: Event) -> str:
    """The state of a sample once it is settled; empty where the user stops waiting."""
    from mmpipe.client import TimedOut

    while not stop.is_set():
        try:
            return client.wait(sample_id, timeout_s=_WATCH_S).state
        except TimedOut:
            continue  # Ctrl-C is looked for between two watches
    return ""
