from __future__ import annotations

import pytest

from mmpipe_operator.metrics_adapter.settings import AdapterSettings, from_environment
from mmpipe_operator.running.settings import SettingsError


def test_without_variables_everything_has_a_default() -> None:
    assert from_environment({"MMPIPE_OPERATOR_WORKERS": "8"}) == AdapterSettings(identity=from_environment({}).identity)


def test_variables_are_read_by_their_names() -> None:
    found = from_environment({"MMPIPE_ADAPTER_PORT": "1234", "MMPIPE_ADAPTER_FRESH_SECONDS": "0.5"})
    assert (found.port, found.fresh_seconds) == (1234, 0.5)


def test_an_unknown_variable_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"MMPIPE_ADAPTER_PROT: found an unknown.*one of.*MMPIPE_ADAPTER_PORT"):
        from_environment({"MMPIPE_ADAPTER_PROT": "1"})
