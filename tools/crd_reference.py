"""The page of the CustomResourceDefinition, from ``mmpipe_operator.crd``: what it adds to the reference of the spec.

``make_reference`` writes it. The fields and their bounds are on the page of the spec, which has the same source.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmpipe_operator import names
from mmpipe_operator.crd import COLUMNS, Placed, document, rules

_LATER = "acts in this release"
_MODALITIES = "spec.modalities[]"


def crd_page(note: str) -> Iterator[str]:
    """The page: the object, what a modality may have, then the rules by what they are about."""
    yield from ("# The CustomResourceDefinition", "", note, "")
    yield "What the API server knows of a `MultimodalPipeline`, beside [every field with its bounds](spec.md)."
    yield "There is no webhook: this schema refuses what the operator can't run, and its message names the field, what"
    yield "is expected and the remedy. `mmpipe-operator crd` prints it;"
    yield "[ADR 22](../decisions/0022-one-schema.md) says why it is so."
    yield ""
    yield from _object()
    yield from _lists()
    yield from _section(
        "What can't be changed", _UNCHANGING, [each for each in rules() if each.rule.before is not None]
    )
    alone = [each for each in rules() if each.rule.before is None]
    agreeing = [each for each in alone if not _is_of_modality(each) and not _is_later(each)]
    yield from _section("What must agree", _AGREEING, agreeing)
    yield from _owners([each for each in alone if _is_of_modality(each)])
    yield from _section("What does not act yet", _IDLE, [each for each in alone if _is_later(each)])


_UNCHANGING = "Changing one of these would leave vectors behind, where nobody finds them."
_AGREEING = "Rules that cross fields, and what a cluster needs where one machine has its own."
_IDLE = "Settled fields that do not act in this release keep their default."


def _object() -> Iterator[str]:
    spec = document()["spec"]
    known = spec["names"]
    yield from ("| | |", "|---|---|")
    yield f"| API version | `{names.API_VERSION}` |"
    yield f"| Kind | `{known['kind']}`, {spec['scope'].lower()} |"
    yield f"| Names for kubectl | `{known['plural']}`, `{known['singular']}`, `{'`, `'.join(known['shortNames'])}` |"
    yield f"| Categories | `{'`, `'.join(known['categories'])}`: `kubectl get all` shows it |"
    yield "| Subresources | `status`, which only the operator writes; see [Conditions](conditions.md) |"
    yield from ("", "| Column of `kubectl get` | Meaning | From |", "|---|---|---|")
    yield from (f"| {each['name'].upper()} | {each['description']} | `{each['jsonPath']}` |" for each in COLUMNS)
    yield ""


def _lists() -> Iterator[str]:
    yield from ("## Server-side apply", "")
    yield "Several managers can own entries of one list, told apart by a key; all other lists are replaced as a whole."
    yield from ("", "| List | Key |", "|---|---|")
    version = document()["spec"]["versions"][0]
    for path, key in dict(_keyed(version["schema"]["openAPIV3Schema"]["properties"]["spec"], "spec")).items():
        yield f"| `{path}` | `{key}` |"
    yield ""


def _keyed(node: dict[str, object], path: str) -> Iterator[tuple[str, str]]:
    keys = node.get("x-kubernetes-list-map-keys")
    if isinstance(keys, list):
        yield path, keys[0]
    properties = node.get("properties")
    for name, field in properties.items() if isinstance(properties, dict) else ():
        yield from _keyed(field, f"{path}.{name}")
    items = node.get("items")
    if isinstance(items, dict):
        yield from _keyed(items, f"{path}[]")


def _section(title: str, words: str, those: list[Placed]) -> Iterator[str]:
    """One table, in which a rule that holds in several places stands once."""
    yield from (f"## {title}", "", words, "", "| Field | Expected | Remedy |", "|---|---|---|")
    by_words: dict[tuple[str, str], list[str]] = {}
    for each in those:
        by_words.setdefault((each.rule.expected, each.rule.remedy), []).append(f"`{each.path}`")
    for (expected, remedy), paths in by_words.items():
        yield f"| {'<br>'.join(dict.fromkeys(paths))} | {_cell(expected)} | {_cell(remedy)} |"
    yield ""


def _owners(those: list[Placed]) -> Iterator[str]:
    """What stands in one schema for all modalities, and belongs to some of them."""
    yield from ("## What belongs to which modality", "")
    yield "The five modalities share one schema, so these are rules. All five have what is not named here."
    yield from ("", "| Field of a modality | Expected |", "|---|---|")
    for each in those:
        yield f"| `{each.path.removeprefix(f'{_MODALITIES}.')}` | {_cell(each.rule.expected)} |"
    yield ""


def _is_later(each: Placed) -> bool:
    return _LATER in each.rule.expected


def _is_of_modality(each: Placed) -> bool:
    return each.at == _MODALITIES


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
