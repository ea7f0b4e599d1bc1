"""Write services/mmpipe/v1 anew from protos/: messages, services, and their types. With ``--check``, say what differs.

The package of the protos is that of the Python code (``mmpipe.v1``), so generated imports are right as they are.
"""

from __future__ import annotations

import filecmp
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent.parent
PROTOS = ROOT / "protos"
PACKAGE = Path("mmpipe/v1")
TARGET = ROOT / "services" / PACKAGE
_TYPES = ("mypy", "mypy_grpc")
_HEAD = '"""Generated from protos/mmpipe/v1 by `make protos`; change those."""\n'


def main(arguments: list[str]) -> int:
    """0 where nothing differs or everything was written."""
    with tempfile.TemporaryDirectory() as folder:
        generated = generate(Path(folder))
        if "--check" in arguments:
            return report(differences(generated, TARGET))
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(generated, TARGET)
    return 0


def generate(folder: Path) -> Path:
    """The package, written below ``folder``."""
    files = sorted(str(file.relative_to(PROTOS)) for file in (PROTOS / PACKAGE).glob("*.proto"))
    plugins = [f"--plugin=protoc-gen-{name}={Path(sys.executable).parent}/protoc-gen-{name}" for name in _TYPES]
    outputs = [f"--{kind}_out={folder}" for kind in ("python", "grpc_python", *_TYPES)]
    well_known = resources.files("grpc_tools") / "_proto"
    if protoc.main(["protoc", f"-I{PROTOS}", f"-I{well_known}", *plugins, *outputs, *files]):
        raise SystemExit("protos: found errors, named above; correct them")
    package = folder / PACKAGE
    (package / "__init__.py").write_text(_HEAD)
    _drop_empty(package)
    return package


def _drop_empty(package: Path) -> None:
    """Protos without a service get a module for services too: it would be empty."""
    for module in package.glob("*_pb2_grpc.py"):
        if "Servicer" not in module.read_text():
            module.unlink()
            module.with_suffix(".pyi").unlink(missing_ok=True)


def differences(generated: Path, committed: Path) -> list[str]:
    """Names of files that are not the same in both folders."""
    names = {file.name for folder in (generated, committed) for file in folder.glob("*.py*")}
    _, different, missing = filecmp.cmpfiles(generated, committed, sorted(names), shallow=False)
    return sorted({*different, *missing})


def report(names: list[str]) -> int:
    """Say what differs."""
    for name in names:
        sys.stderr.write(f"services/{PACKAGE}/{name}: differs from what protos/ say; run make protos\n")
    return 1 if names else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
