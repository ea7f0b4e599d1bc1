"""From content to a part of a sample: recognised, named, and honest about what its name got wrong."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from mmpipe.adapters.inputs.content import Content
from mmpipe.adapters.inputs.kinds import Kind, kind_of, packing_of
from mmpipe.adapters.inputs.uris import readable
from mmpipe.records import Media, Modality, Part, Rejected, Scalar
from mmpipe.stages.formats import Recognised, recognise

_NESTED_HEAD_BYTES = 512


def part_of(content: Content, uri: str, name: str, declared: Modality | None = None) -> Part | Rejected:
    """The part that ``content`` is; ``name`` is a path, of which the last step matters."""
    base = readable(posixpath.basename(name))
    recognised = recognise(content, declared, base)
    if isinstance(recognised, Rejected):
        return _nested(content, base) or recognised
    return Part(recognised.modality, Media(content, recognised.format), uri, _facts(base, recognised))


def inline_text(text: str, uri: str, name: str) -> Part | Rejected:
    """Text that stands in a manifest itself: plain text by definition, whatever it looks like."""
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        return Rejected("input.manifest", f"The text is not Unicode ({error.reason}); expected no lone surrogates.")
    return Part(Modality.TEXT, Media(content, "txt"), uri, {"name": readable(name)})


def _facts(base: str, recognised: Recognised) -> Mapping[str, Scalar]:
    facts: dict[str, Scalar] = {"name": base}
    if recognised.mismatch is not None:
        facts["mismatch"] = recognised.mismatch
    return facts


def _nested(content: Content, base: str) -> Rejected | None:
    """The verdict on a container inside an input; one level is opened, so that no bomb can be wrapped in another."""
    head = bytes(content[:_NESTED_HEAD_BYTES])
    kind = packing_of(head) or kind_of(head, "member.bin")
    if kind is Kind.MEDIA:
        return None
    reason = f"{base} is a {kind} file inside another input, and is not opened; name it as an input of its own."
    return Rejected("input.nested", reason)
