"""Where results go: vectors to Milvus, originals to an object store, metadata to SQL, tied by one id."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mmpipe.spec.model import ATOMIC, Later, SpecModel, broken_rule

LEAK_IN_URI = (
    r"(?i)://[^/@ \t\r\n]*:[^/@ \t\r\n]+@"
    r"|[?&][A-Za-z0-9_]*(?:password|secret|token)[A-Za-z0-9_]*=(?:[^/@ \t\r\n]+@|[^& \t\r\n'\"]+)"
)
"""What no URI of a spec may hold: a password before the host, or a parameter that sounds like one. Without look-around,
since the API server's regular expressions (RE2) have none."""
LEAK_FOUND = "a URI with a password in it"
LEAK_EXPECTED = "a URI without a password"
LEAK_REMEDY = "take it out and name the secret that holds it in the SecretRef field beside it"

_SECRET_IN_URI = re.compile(
    r"(://[^/@\s]*:|[?&]\w*(?:password|secret|token)\w*=)(?:[^/@\s]+(?=@)|(?<==)[^&\s'\"]+)", re.IGNORECASE
)
"""The same in any text, split so that what comes before the secret can be kept."""


def without_secrets(text: str) -> str:
    """The text with the passwords of its URIs starred out, fit for a message."""
    return _SECRET_IN_URI.sub(r"\1***", text)


def _without_password(uri: str) -> str:
    if re.search(LEAK_IN_URI, uri):
        raise broken_rule("", LEAK_FOUND, LEAK_EXPECTED, LEAK_REMEDY)
    return uri


type StoreUri = Annotated[
    str,
    Field(max_length=2048, json_schema_extra={"not": {"pattern": LEAK_IN_URI}}),
    AfterValidator(_without_password),
]


class SecretRef(SpecModel):
    """A key of a Kubernetes Secret; on one machine, the environment variable `MMPIPE_SECRET_<NAME>_<KEY>`."""

    model_config = ATOMIC

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Key in the Secret."""

    @property
    def variable(self) -> str:
        """The environment variable that carries it into a process."""
        return re.sub(r"\W", "_", f"MMPIPE_SECRET_{self.name}_{self.key}").upper()


class Index(SpecModel):
    """The vector index: HNSW (Malkov and Yashunin, 2018) by cosine similarity."""

    m: Annotated[int, Field(ge=2, le=2048)] = 16
    """Links of each node."""
    ef_construction: Annotated[int, Field(ge=1, le=65_536)] = 200
    """Candidates looked at while building."""
    ef_search: Annotated[int, Field(ge=1, le=32_768)] = 128
    """Candidates looked at while searching; never fewer than the hits asked for."""


class Milvus(SpecModel):
    """Vectors: one collection for each generation of the pipeline, searched through an alias."""

    uri: StoreUri = ""
    """A Milvus server (`http://host:19530`), a Milvus Lite folder, or the socket of one that another process serves
    (`unix:/path`); empty is Milvus Lite in the data folder."""
    alias: Annotated[str, Field(max_length=200, pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Name that clients search; empty is the pipeline's name with underscores."""
    database: Annotated[str, Field(max_length=200)] = ""
    """Milvus database; empty is the default one."""
    token_secret_ref: SecretRef | None = None
    """Token, or `user:password`."""
    dimension: Annotated[int, Field(ge=1, le=32_768)] | None = None
    """Length of the vectors; absent, that of the pipeline's model. A model of another length is refused."""
    index: Index = Index()
    rollback_window_seconds: Annotated[
        int, Field(ge=0), Later("generations come with a later release; leave rollbackWindowSeconds at 86400")
    ] = 86_400
    """How long the generation before the last is kept."""


class Objects(SpecModel):
    """Originals and derived media, by the SHA-256 of their content."""

    uri: StoreUri = ""
    """A folder, `s3://`, `gs://` or `az://`; empty is a folder in the data folder."""
    credentials_secret_ref: SecretRef | None = None
    """Credentials as JSON, in the store's own terms; absent, those of the environment."""
    originals: Literal["Copy", "Reference"] = "Copy"
    """`Copy` keeps the bytes of every original, `Reference` only where they were found."""


class Metadata(SpecModel):
    """Samples, parts, segments, outcomes, quarantine and runs."""

    uri: StoreUri = ""
    """`postgresql://host/database` or `sqlite:///file`; empty is SQLite in the data folder."""
    password_secret_ref: SecretRef | None = None
    """Password of the database's user."""


class Sink(SpecModel):
    """The three stores."""

    milvus: Milvus = Milvus()
    objects: Objects = Objects()
    metadata: Metadata = Metadata()
