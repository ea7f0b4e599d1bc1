"""What a command ends with when a package of the services is missing."""

from __future__ import annotations

import pytest

from mmpipe.cli import main


def test_a_missing_package_of_the_services_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "app", lambda: _missing("grpc_health.v1"))

    with pytest.raises(SystemExit) as ended:
        main.main()

    assert ended.value.code == 2
    assert "pip install 'mmpipe[serve]'" in capsys.readouterr().err


def test_any_other_missing_module_is_a_bug_and_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "app", lambda: _missing("mmpipe.typo"))

    with pytest.raises(ModuleNotFoundError):
        main.main()


def _missing(name: str) -> None:
    raise ModuleNotFoundError(name=name)
