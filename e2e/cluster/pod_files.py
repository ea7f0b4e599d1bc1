"""A pod's volumes as folders of this machine, and its service account's kubeconfig."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

from e2e.cluster.certificates import kubeconfig
from e2e.cluster.client import Client
from e2e.cluster.pod_environment import field_of

from mmpipe_operator.kinds import CONFIG_MAP, SECRET, Kind, Manifest

_ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # looked for, never listened on


class PodFiles:
    """``volumes/NAME`` for each volume of the pod, below its folder."""

    def __init__(self, client: Client, pod: Manifest, folder: Path) -> None:
        self.kubeconfig = folder / "kubeconfig"
        self._client = client
        self._pod = pod
        self._folder = folder
        self._namespace: str = pod["metadata"]["namespace"]

    def write(self) -> None:
        for volume in self._pod["spec"].get("volumes", ()):
            folder = self._folder / "volumes" / volume["name"]
            folder.mkdir(parents=True)
            for source in volume.get("projected", {}).get("sources", (volume,)):
                self._fill(folder, source)
        self._sign_in()

    def moved(self, container: Manifest) -> Callable[[str, str], str]:
        """A function of a text and the pod's address: the text with the container's paths and address made ours."""
        mounts = sorted(container.get("volumeMounts", ()), key=lambda mount: -len(mount["mountPath"]))
        volumes = self._folder / "volumes"
        ours = {each["mountPath"]: str(volumes / each["name"] / each.get("subPath", "")) for each in mounts}
        # All at once: our own folders may lie below the path of a mount, such as /tmp.
        theirs = re.compile("|".join(map(re.escape, ours)) or "(?!)")

        def move(text: str, address: str) -> str:
            return theirs.sub(lambda path: ours[path[0]], text).replace(_ANY_ADDRESS, address)

        return move

    def _fill(self, folder: Path, source: Manifest) -> None:
        if "configMap" in source:
            self._keys(folder, CONFIG_MAP, source["configMap"]["name"], source["configMap"])
        elif "secret" in source:
            name = source["secret"].get("secretName") or source["secret"]["name"]
            self._keys(folder, SECRET, name, source["secret"])
        elif "downwardAPI" in source:
            for item in source["downwardAPI"].get("items", ()):
                _write(folder / item["path"], field_of(self._pod, item["fieldRef"]["fieldPath"]).encode())
        elif "serviceAccountToken" in source:
            _write(folder / source["serviceAccountToken"]["path"], self._token().encode())

    def _keys(self, folder: Path, kind: Kind, name: str, source: Manifest) -> None:
        found = self._client.find(kind, self._namespace, name)
        if found is None:
            assert source.get("optional"), f"{kind.kind} {self._namespace}/{name}: found none, and a pod needs it"
            return
        data = content(found)
        items = {item["key"]: item["path"] for item in source.get("items", ())} or {key: key for key in data}
        for key, path in items.items():
            if key in data or not source.get("optional"):
                _write(folder / path, data[key])

    def _sign_in(self) -> None:
        access = self._client.access
        kubeconfig(self.kubeconfig, access.server, access.authority, {"token": self._token()})

    def _token(self) -> str:
        return token(self._client, self._namespace, self._pod["spec"].get("serviceAccountName", "default"))


def token(client: Client, namespace: str, account: str) -> str:
    """A day's token of a service account."""
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [], "expirationSeconds": 86_400},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    return str(client.call("POST", path, request)["status"]["token"])


def content(found: Manifest) -> dict[str, bytes]:
    """The keys of a Secret or ConfigMap."""
    encoded = found.get("data", {}) if found["kind"] == "Secret" else found.get("binaryData", {})
    plain = {} if found["kind"] == "Secret" else found.get("data", {})
    decoded = {key: base64.b64decode(value) for key, value in encoded.items()}
    return decoded | {key: value.encode() for key, value in plain.items()}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
