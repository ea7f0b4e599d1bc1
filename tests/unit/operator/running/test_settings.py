from __future__ import annotations

import pytest

from mmpipe_operator.running.settings import Settings, SettingsError, from_environment


def test_without_variables_everything_has_a_default() -> None:
    found = from_environment({"PATH": "/bin"})

    assert found == Settings(identity=found.identity)


def test_two_processes_of_one_host_do_not_take_each_others_lease_for_their_own() -> None:
    assert from_environment({}).identity != from_environment({}).identity


def test_variables_are_read_by_their_names() -> None:
    found = from_environment(
        {
            "MMPIPE_OPERATOR_NAMESPACES": "a, b,",
            "MMPIPE_OPERATOR_SERVICE_MONITORS": "true",
            "MMPIPE_OPERATOR_RESYNC_SECONDS": "30",
            "MMPIPE_OPERATOR_IMAGE_PULL_SECRETS": "",
        }
    )

    assert found.namespaces == ("a", "b")
    assert found.service_monitors
    assert found.resync_seconds == 30
    assert found.image_pull_secrets == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [("WORKERS", "0"), ("RESYNC_SECONDS", "soon"), ("HEALTH_PORT", "70000"), ("LEADER_ELECTION", "Maybe")],
)
def test_a_variable_that_can_not_be_used_is_named_with_what_was_found(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"MMPIPE_OPERATOR_{name}: found '{value}'.*correct it"):
        from_environment({f"MMPIPE_OPERATOR_{name}": value})


def test_an_unknown_variable_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        SettingsError, match=r"MMPIPE_OPERATOR_WORKER: found an unknown variable.*MMPIPE_OPERATOR_WORKERS"
    ):
        from_environment({"MMPIPE_OPERATOR_WORKER": "8"})
