"""Certificates and kubeconfigs of a test's own API server, by openssl.

Elliptic keys, since they are made in milliseconds. Neighbours: ``control_plane`` says who gets one. Good for nothing
but loopback and a day.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_SERVER_NAMES = (
    "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
)
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates into a folder: ``NAME.crt`` and ``NAME.key``."""

    folder: Path
    name: str

    @property
    def certificate(self) -> Path:
        return self.folder / f"{self.name}.crt"

    def create(self) -> Authority:
        """Make the authority's own pair."""
        usage = _added(["keyUsage=critical,keyCertSign,cRLSign"])
        self._openssl("req", "-x509", *_KEY, *self._out(self.name), "-subj", f"/CN={self.name}", *usage)
        return self

    def sign(self, name: str, subject: str, *extensions: str) -> Path:
        """A pair for ``subject`` (``/O=group/CN=user``); returns the certificate's path, the key lies beside it."""
        signer = ("-CA", self.certificate, "-CAkey", self.certificate.with_suffix(".key"))
        usage = ("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth", *extensions)
        self._openssl("req", "-x509", *signer, *_KEY, *self._out(name), "-subj", subject, *_added(usage))
        return self.folder / f"{name}.crt"

    def sign_server(self, name: str) -> Path:
        """A pair for a server on loopback that is also the cluster's API server."""
        return self.sign(name, f"/CN={name}", _SERVER_NAMES)

    def _out(self, name: str) -> tuple[str, ...]:
        return ("-out", f"{name}.crt", "-keyout", f"{name}.key")

    def _openssl(self, *arguments: object) -> None:
        subprocess.run(
            ["openssl", *map(str, arguments)],
            cwd=self.folder,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )


def kubeconfig(path: Path, server: str, authority: Path | bytes, user: dict[str, str]) -> Path:
    """Write a kubeconfig whose only context is ``user`` at ``server``; JSON is YAML too."""
    pem = authority if isinstance(authority, bytes) else authority.read_bytes()
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(pem).decode()}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    path.chmod(0o600)
    return path


def pair(certificate: Path) -> dict[str, str]:
    """The user of a kubeconfig that shows a certificate of ``sign``."""
    return {"client-certificate": str(certificate), "client-key": str(certificate.with_suffix(".key"))}


def _added(extensions: Iterable[str]) -> list[str]:
    return [word for extension in extensions for word in ("-addext", extension)]
