"""The user's own kubectl: the only module that starts a program. It decides nothing.

Whatever context, credentials and proxies the user has set up apply, as do the user's rights. Arguments are given as a
list, never through a shell.
"""

from __future__ import annotations

import json
import re
import selectors
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, cast

from kubectl_mmpipe.faults import PIPELINES, Complained, NoKubectl, fault
from mmpipe_operator.kinds import Manifest

if TYPE_CHECKING:
    from io import BufferedReader

REQUEST_S = 30
"""Most time that the API server is waited for."""
FORWARD_S = 30.0
"""Most time until a port is forwarded; the pod has to run already."""
_STOP_S = 5.0
_FORWARDING = re.compile(rb"Forwarding from (127\.0\.0\.1:\d+) ->")


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the options that say which cluster and namespace; empty ones are kubectl's own business."""

    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    everywhere: bool = False

    @cached_property
    def program(self) -> str:
        """Path of kubectl. Raises NoKubectl."""
        found = shutil.which("kubectl")
        if found is None:
            raise NoKubectl
        return found

    def objects(self, kind: str, *options: str) -> list[Manifest]:
        """The objects of a kind in the namespace, or in all of them. Raises PluginError."""
        items: list[Manifest] = self.get(kind, *options)["items"]
        return items

    def get(self, *what: str) -> Manifest:
        """``kubectl get ... -o json``. Raises PluginError."""
        answer = self.run("get", *what, "--output=json", f"--request-timeout={REQUEST_S}s")
        try:
            document: Manifest = json.loads(answer)
        except ValueError as error:
            raise Complained(f"kubectl get {what[0]}: found an answer that is no JSON ({error}); try again") from error
        return document

    def raw(self, path: str) -> str:
        """What the API server answers at a path of its own, whatever that is. Raises PluginError."""
        return self.run("get", "--raw", path, f"--request-timeout={REQUEST_S}s", scoped=False)

    def patch(self, name: str, patch: Manifest) -> None:
        """Merge a patch into a pipeline. Raises PluginError."""
        merged = ("--type=merge", f"--patch={json.dumps(patch)}", "--field-manager=kubectl-mmpipe")
        self.run("patch", PIPELINES, name, *merged, f"--request-timeout={REQUEST_S}s")

    def run(self, verb: str, *arguments: str, scoped: bool = True) -> str:
        """What kubectl answered. Raises PluginError for what it complained about."""
        command = [self.program, verb, *arguments, *self._which(scoped=scoped)]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # a list, and the user's kubectl
        if done.returncode:
            what = " ".join(["kubectl", verb, *arguments[: 2 if arguments[:1] == ("--raw",) else 1]])
            raise fault(what, done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    @contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[str]:
        """A port of a pod or Service, as ``127.0.0.1:PORT`` while the context lasts. Raises PluginError."""
        command = [self.program, "port-forward", target, f":{port}", "--address=127.0.0.1", *self._which(scoped=True)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as forwarding:  # noqa: S603  # as run
            try:
                yield _address(forwarding, target)
            finally:
                _stop(forwarding)

    def _which(self, *, scoped: bool) -> list[str]:
        options = [f"--context={self.context}"] if self.context else []
        options += [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        if scoped and self.everywhere:
            return [*options, "--all-namespaces"]
        return [*options, f"--namespace={self.namespace}"] if scoped and self.namespace else options


def _address(forwarding: subprocess.Popen[bytes], target: str) -> str:
    """Where kubectl forwards to, as soon as it says so."""
    heard, until = b"", monotonic() + FORWARD_S
    out, complaints = cast("BufferedReader", forwarding.stdout), cast("BufferedReader", forwarding.stderr)
    with selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ)
        while (left := until - monotonic()) > 0 and selector.select(left):
            chunk = out.read1()
            heard += chunk
            if found := _FORWARDING.search(heard):
                return found[1].decode()
            if not chunk:
                break
    _stop(forwarding)
    complaint = complaints.read().decode(errors="replace")
    raise fault(f"kubectl port-forward {target}", complaint or f"no forwarded port within {FORWARD_S:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
