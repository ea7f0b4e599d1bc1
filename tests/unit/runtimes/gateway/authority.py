"""Certificates for tests of TLS, signed on the spot by the ``openssl`` command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates whose common name and host name are what they are called."""

    folder: Path

    @classmethod
    def founded(cls, folder: Path) -> Authority:
        folder.mkdir()
        authority = cls(folder)
        authority._certify("authority")
        return authority

    @property
    def certificate(self) -> bytes:
        return (self.folder / "authority.pem").read_bytes()

    def pair(self, name: str) -> tuple[bytes, bytes]:
        """Certificate and key."""
        self._certify(name, "-CA", "authority.pem", "-CAkey", "authority.key", "-addext", f"subjectAltName=DNS:{name}")
        return (self.folder / f"{name}.pem").read_bytes(), (self.folder / f"{name}.key").read_bytes()

    def _certify(self, name: str, *signed: str) -> None:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        out = ["-out", f"{name}.pem", "-keyout", f"{name}.key"]
        command = ["openssl", "req", "-x509", *curve, "-days", "1", "-subj", f"/CN={name}", *out, *signed]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
