"""Write anew what protoc makes: services/mmpipe/v1 of our protos/, and the messages of KEDA's contract in the operator.

With ``--check``, say what differs. The package of our protos is that of the Python code (``mmpipe.v1``), so generated
imports are right as they are; KEDA's one file imports nothing.
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
KEDA = ROOT / "operator" / "mmpipe_operator" / "externalscaler"
_TYPES = ("mypy", "mypy_grpc")
_HEAD = '"""Generated from protos/mmpipe/v1 by `make protos`; change those."""\n'
_KEDA_HEAD = '"""Messages of KEDA for scalers of others, generated from externalscaler.proto by `make protos`."""\n'


def main(arguments: list[str]) -> int:
    """0 where nothing differs or everything was written."""
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as kedas:
        made = ((generate(Path(ours)), TARGET), (generate_keda(Path(kedas)), KEDA))
        if "--check" in arguments:
            return report([other for generated, target in made for other in differences(generated, target)])
        for generated, target in made:
            _replace(generated, target)
    return 0


def generate(folder: Path) -> Path:
    """Our package, written below ``folder``."""
    files = sorted(str(file.relative_to(PROTOS)) for file in (PROTOS / PACKAGE).glob("*.proto"))
    _compile(PROTOS, folder, ("python", "grpc_python", *_TYPES), files)
    package = folder / PACKAGE
    (package / "__init__.py").write_text(_HEAD)
    _drop_empty(package)
    return package


def generate_keda(folder: Path) -> Path:
    """KEDA's messages, written to ``folder``: five methods need no generated service."""
    _compile(KEDA, folder, ("python", "mypy"), ["externalscaler.proto"])
    (folder / "__init__.py").write_text(_KEDA_HEAD)
    return folder


def _compile(root: Path, folder: Path, outputs: tuple[str, ...], files: list[str]) -> None:
    plugins = [f"--plugin=protoc-gen-{name}={Path(sys.executable).parent}/protoc-gen-{name}" for name in _TYPES]
    well_known = resources.files("grpc_tools") / "_proto"
    into = [f"--{kind}_out={folder}" for kind in outputs]
    if protoc.main(["protoc", f"-I{root}", f"-I{well_known}", *plugins, *into, *files]):
        raise SystemExit("protos: found errors, named above; correct them")


def _drop_empty(package: Path) -> None:
    """Protos without a service get a module for services too: it would be empty."""
    for module in package.glob("*_pb2_grpc.py"):
        if "Servicer" not in module.read_text():
            module.unlink()
            module.with_suffix(".pyi").unlink(missing_ok=True)


def _replace(generated: Path, target: Path) -> None:
    """Take away what was generated before, and nothing else."""
    for old in target.glob("*.py*"):
        old.unlink()
    shutil.copytree(generated, target, dirs_exist_ok=True)


def differences(generated: Path, committed: Path) -> list[Path]:
    """Generated files of the repository that are not as they would be."""
    names = {file.name for folder in (generated, committed) for file in folder.glob("*.py*")}
    _, different, missing = filecmp.cmpfiles(generated, committed, sorted(names), shallow=False)
    return [committed / name for name in sorted({*different, *missing})]


def report(files: list[Path]) -> int:
    """Say what differs."""
    for file in files:
        sys.stderr.write(f"{file.relative_to(ROOT)}: differs from what its .proto says; run make protos\n")
    return 1 if files else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
