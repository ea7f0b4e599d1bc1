"""Containers that really run: processes of this machine with the pod's environment, volumes, token and probes.

What a container runtime would mount is put into folders of the pod, and every argument or variable that names a mount's
path is turned to them; ``0.0.0.0`` becomes the pod's own address, so that replicas don't share ports and are reached
where the pod's status says. The pod's service account signs in by KUBECONFIG. Neighbours: ``kubelet`` says of a pod
what is found here; ``pod_files`` writes its volumes; ``pod_environment`` resolves its variables; ``probes`` asks it.
"""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.cluster.children import Child
from e2e.cluster.client import Client
from e2e.cluster.pod_environment import environment, expanded
from e2e.cluster.pod_files import PodFiles
from e2e.cluster.pod_status import ContainerState
from e2e.cluster.probes import answers

from mmpipe_operator.kinds import Manifest

_PERIOD_S = 0.2
_RESTART_S = 1.0

type Report = Callable[[dict[str, ContainerState]], None]


@dataclass(frozen=True, slots=True)
class Image:
    """What stands for an image: its entry point, where its programs are, and variables that it brings."""

    entrypoint: tuple[str, ...] = ()
    programs: Path = Path("/usr/bin")
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, container: Manifest) -> list[str]:
        """As a runtime would put it together; a program's name is looked for among ``programs``."""
        words = [*(container.get("command") or self.entrypoint), *container.get("args", ())]
        here = self.programs / Path(words[0]).name
        return [str(here) if here.exists() else words[0], *words[1:]]


class RunningPod:
    """The processes of one pod, in a thread of their own."""

    def __init__(self, client: Client, pod: Manifest, images: Mapping[str, Image], folder: Path, address: str) -> None:
        self._address = address
        self._pod = pod | {"status": {**pod.get("status", {}), "podIP": address}}
        self._images = images
        self._folder = folder
        self._files = PodFiles(client, pod, folder)
        self._client = client
        self._over = threading.Event()
        self._grace_s = 30.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._lives: list[_Life] = []
        self._report: Report = lambda _: None

    def start(self, report: Report) -> None:
        """``report`` is called with the containers' states whenever they change."""
        self._report = report
        self._folder.mkdir(parents=True)
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """SIGTERM, and after the grace SIGKILL; returns when nothing of it runs."""
        self._grace_s = grace_s
        self._over.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def said(self) -> str:
        """The output of all its containers."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log")))

    def send(self, number: signal.Signals) -> None:
        """A signal to the processes of all its containers."""
        for life in self._lives:
            life.child.send(number)

    def _run(self) -> None:
        spec = self._pod["spec"]
        waiting = {each["name"]: ContainerState(waiting="ContainerCreating") for each in spec["containers"]}
        self._report(waiting)
        self._files.write()
        for container in spec.get("initContainers", ()):
            if self._over.is_set():
                return
            self._start(container).wait(60)
        policy = spec.get("restartPolicy", "Always")
        self._lives = [_Life(container, self._start, policy) for container in spec["containers"]]
        self._live()
        for life in self._lives:
            life.child.stop(self._grace_s)
        shutil.rmtree(self._folder / "volumes", ignore_errors=True)

    def _live(self) -> None:
        said: dict[str, ContainerState] = {}
        while not self._over.is_set():
            states = {life.name: life.look(self._files.moved, self._address) for life in self._lives}
            if states != said:
                self._report(states)
                said = states
            if all(state.ended for state in states.values()):
                return
            self._over.wait(_PERIOD_S)

    def _start(self, container: Manifest) -> Child:
        image = self._images[container["image"]]
        moved = self._files.moved(container)
        own = {**image.environment, **environment(self._client, self._pod, container)}
        variables = {name: moved(expanded(value, own), self._address) for name, value in own.items()}
        program, *words = image.command(container)
        # The program is this machine's, wherever the checkout lies; a word may name what a volume holds.
        command = [program, *(moved(expanded(word, own), self._address) for word in words)]
        variables |= {"KUBECONFIG": str(self._files.kubeconfig), "PATH": f"{image.programs}:/usr/bin:/bin"}
        return Child(command, self._folder / f"{container['name']}.log", variables)


class _Life:
    """One container, started again as its pod's policy says."""

    def __init__(self, container: Manifest, start: Callable[[Manifest], Child], policy: str) -> None:
        self.name: str = container["name"]
        self.child = start(container)
        self._container = container
        self._start = start
        self._policy = policy
        self._restarts = 0
        self._pause = 0.0

    def look(self, moved: Any, address: str) -> ContainerState:  # noqa: ANN401  # a function of PodFiles
        code = self.child.exit_code
        if code is None:
            ready = answers(self._container.get("readinessProbe"), self._container, moved(self._container), address)
            return ContainerState(ready=ready, restarts=self._restarts)
        if self._policy == "Never" or (self._policy == "OnFailure" and code == 0):
            return ContainerState(exit_code=abs(code), ended=True, restarts=self._restarts)
        return self._again(abs(code))

    def _again(self, code: int) -> ContainerState:
        self._pause += _PERIOD_S
        if self._pause >= _RESTART_S * min(self._restarts + 1, 5):
            self._pause = 0.0
            self._restarts += 1
            self.child = self._start(self._container)
        message = "back-off restarting failed container"
        return ContainerState(waiting="CrashLoopBackOff", message=message, exit_code=code, restarts=self._restarts)
