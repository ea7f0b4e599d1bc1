"""Where the services of a pipeline are: by name, each with an address that gRPC resolves.

A service is called after what it serves: ``image`` for all stages of a modality, ``image.decode`` for one of them,
``fuse`` for fusion. Under Kubernetes the address follows from the pipeline's name; on one machine it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mmpipe.errors import MmpipeError
from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline

PORT = 50051
"""What stage services listen on under Kubernetes."""

STAGES = ("decode", "clean", "embed")
FUSE = "fuse"
NAMES = (FUSE, *Modality, *(f"{modality}.{stage}" for modality in Modality for stage in STAGES))


class EndpointError(MmpipeError):
    """An endpoint that names no service, or no address."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses by the name of the service; ``pipeline`` and ``namespace`` make those that nobody told."""

    pipeline: str
    namespace: str
    told: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, options: Iterable[str], pipeline: MultimodalPipeline) -> Endpoints:
        """From ``NAME=ADDRESS`` as the command line has them. Raises EndpointError."""
        told = dict(_endpoint(option) for option in options)
        return cls(pipeline.metadata.name, pipeline.metadata.namespace, told)

    def of(self, name: str) -> str:
        """The address of a service: as told, else its headless Service, so that gRPC sees every replica."""
        host = f"{self.pipeline}-{name.replace('.', '-')}.{self.namespace}"
        return self.told.get(name) or f"dns:///{host}:{PORT}"


def _endpoint(option: str) -> tuple[str, str]:
    name, found, address = option.partition("=")
    if not found or not address or name not in NAMES:
        expected = f"NAME=ADDRESS with a NAME of {', '.join(NAMES[: len(Modality) + 1])}, or such as image.decode"
        raise EndpointError(f"--endpoint: found {option!r}; expected {expected}; correct it")
    return name, address
