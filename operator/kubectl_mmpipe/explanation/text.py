"""The account of a process as a branch for a terminal. Pure.

What comes from the cluster is printed as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.text import Text
from rich.tree import Tree

from kubectl_mmpipe.explanation.account import Account, Ask
from kubectl_mmpipe.explanation.service_time import ServiceTime
from mmpipe.cli.printable import plain

_GOOD, _UNKNOWN = "green", "yellow"
_PER = {"PerPod": " a pod", "Percent": " %", "Total": ""}


def trees(accounts: Iterable[Account]) -> list[Tree]:
    """One for each pipeline."""
    return [_tree(list(of_one)) for _, of_one in groupby(accounts, key=lambda each: (each.namespace, each.pipeline))]


def _tree(accounts: list[Account]) -> Tree:
    first = accounts[0]
    root = Tree(Text(plain(f"{first.namespace}/{first.pipeline}"), "bold").append(f"  {first.mode}"), guide_style="dim")
    for note in first.unread:
        root.add(Text(plain(note), _UNKNOWN))
    for each in accounts:
        branch = root.add(_head(each))
        for line in _lines(each):
            branch.add(line)
    return root


def _head(account: Account) -> Text:
    is_right = account.asked in {None, account.replicas} and account.wanted in {None, account.replicas}
    found = f"{_count(account.replicas)} pods, {account.ready} ready"
    asked = f"; asked for {account.asked}" if account.asked is not None else ""
    wanted = f"; the autoscaler wants {account.wanted}" if account.wanted is not None else ""
    return Text(plain(f"{account.process}  ")).append(plain(found + asked + wanted), _GOOD if is_right else _UNKNOWN)


def _lines(account: Account) -> Iterator[Text]:
    for ask in account.asks:
        yield Text(plain(_ask(ask)), _UNKNOWN if ask.depth is None and ask.form != "Percent" else "")
    yield Text(plain(_took(account.service_time, account.drain_s)))
    if account.rules:
        yield Text(plain(f"rules  {account.rules}"))
    for hindrance in account.hindrances:
        yield Text(plain(hindrance.reason), _UNKNOWN).append(plain(f"  {hindrance.message}"))


def _ask(ask: Ask) -> str:
    target = f"target {_count(ask.target)}{_PER[ask.form]}"
    seen = f"; the autoscaler saw {_count(ask.seen)}{_PER[ask.form]}" if ask.seen is not None else ""
    if ask.depth is None:
        return f"{ask.metric}  unknown, {target}: {ask.why}{seen}"
    return f"{ask.metric}  {_count(ask.depth)} now, {target}: {_reckoned(ask)}{seen}"


def _reckoned(ask: Ask) -> str:
    if ask.close:
        return f"near enough, {_count(ask.pods)} pods stay"
    return f"asks for {_count(ask.pods)} pods"


def _took(took: ServiceTime, drain_s: float | None) -> str:
    if took.seconds is None:
        return f"service time  unknown: {took.why}"
    mean = f"service time  {took.seconds:.3g} s, the mean of {took.items} {took.unit}s in {took.pods} pods"
    return mean if drain_s is None else f"{mean}; what waits is gone in about {drain_s:.3g} s if nothing comes in"


def _count(number: float | None) -> str:
    return "unknown" if number is None else f"{number:g}"
