"""Who calls is decided by what the call carries, and said in no message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from mmpipe.runtimes.gateway import authentication
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.spec import SpecError
from mmpipe.spec.processes import Authentication
from mmpipe.v1 import error_pb2


@dataclass(frozen=True)
class Call:
    """What an identification looks at."""

    metadata: tuple[tuple[str, str], ...] = ()
    certificate: Mapping[str, Iterable[bytes]] = field(default_factory=dict)

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self.metadata

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return self.certificate


def identify(secret: str, *metadata: tuple[str, str]) -> str:
    known = authentication.by_token(authentication.digests(secret))
    return known(cast("Any", Call(metadata)))


def test_a_token_names_its_tenant() -> None:
    assert identify("acme:one\nglobex:two", ("authorization", "Bearer two")) == "globex"


def test_a_tenant_may_have_two_tokens_while_they_are_exchanged() -> None:
    known = "acme:old\nacme:new"

    assert {identify(known, ("authorization", f"Bearer {token}")) for token in ("old", "new")} == {"acme"}


def test_the_scheme_is_written_in_any_case_and_a_token_may_hold_colons() -> None:
    assert identify("acme:a:b", ("authorization", "bEARER a:b")) == "acme"


def test_comments_and_empty_lines_of_the_secret_are_no_tokens() -> None:
    lines = "# tenants\n\nacme:one\n"

    with pytest.raises(Refusal):
        identify(lines, ("authorization", "Bearer tenants"))
    assert identify(lines, ("authorization", "Bearer one")) == "acme"


@pytest.mark.parametrize(
    "metadata",
    [(), (("authorization", "Bearer wrong"),), (("authorization", "Basic one"),), (("authorization", "Bearer "),)],
    ids=["none", "unknown", "another scheme", "empty"],
)
def test_what_is_not_a_known_token_is_refused_without_repeating_it(metadata: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(Refusal) as refused:
        identify("acme:one", *metadata)

    assert refused.value.fault.reason == error_pb2.REASON_NOT_AUTHENTICATED
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("secret", ["", "# nothing", "acme", "acme:", ":one", "acme:one\nglobex:one"])
def test_a_secret_that_is_no_list_of_tokens_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(SpecError) as refused:
        authentication.digests(secret)

    assert "tokensSecretRef" in str(refused.value)
    assert "one" not in str(refused.value)


def test_a_certificate_names_its_tenant() -> None:
    call = Call(certificate={"x509_common_name": [b"acme"]})

    assert authentication.by_certificate(cast("Any", call)) == "acme"


def test_a_call_without_a_certificate_is_refused() -> None:
    with pytest.raises(Refusal):
        authentication.by_certificate(cast("Any", Call()))


def test_without_authentication_everybody_is_one_tenant() -> None:
    identify_anyone = authentication.identification(Authentication())

    assert identify_anyone(cast("Any", Call((("authorization", "Bearer x"),)))) == ""
