"""Rules that cross the fields of the processes' blocks."""

from __future__ import annotations

import pytest

from mmpipe.spec import SpecError, parse

HEAD = "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: media}\n"


@pytest.mark.parametrize(
    ("gateway", "path"),
    [
        ("{authentication: {mode: Tokens}}", "spec.gateway.authentication.tokensSecretRef"),
        ("{authentication: {tokensSecretRef: {name: a, key: b}}}", "spec.gateway.authentication.tokensSecretRef"),
        ("{tls: {certificateSecretRef: {name: a, key: b}}}", "spec.gateway.tls.privateKeySecretRef"),
        ("{authentication: {mode: MutualTls}}", "spec.gateway.authentication.mode"),
        ("{cache: {redisUri: 'redis://user:secret@host/0'}}", "spec.gateway.cache.redisUri"),
    ],
)
def test_settings_that_need_each_other_are_asked_for_together(gateway: str, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(f"{HEAD}spec: {{gateway: {gateway}}}")

    assert [problem.path for problem in caught.value.problems] == [path]


def test_mutual_tls_with_all_its_secrets_is_taken() -> None:
    keys = ("certificateSecretRef", "privateKeySecretRef", "clientAuthoritySecretRef")
    tls = ", ".join(f"{key}: {{name: tls, key: {key}}}" for key in keys)

    pipeline = parse(f"{HEAD}spec: {{gateway: {{authentication: {{mode: MutualTls}}, tls: {{{tls}}}}}}}")

    assert pipeline.spec.gateway.authentication.mode == "MutualTls"
