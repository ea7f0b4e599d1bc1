"""Attributes that metrics and spans share, with the names of OpenTelemetry's conventions where they have one.

A metric's own attributes are bare (``stage``): the metric's name is their namespace. A span's own begin with
``mmpipe.``, as other libraries write onto the same span.
"""

from __future__ import annotations

from mmpipe.telemetry.catalogue.model import Attribute

RPC_SYSTEM = Attribute("rpc.system.name", "always `grpc`", ("grpc",))
RPC_METHOD = Attribute("rpc.method", "full name, such as `mmpipe.v1.ChainService/Chain`; `_OTHER` if there is none")
RPC_STATUS = Attribute("rpc.response.status_code", "name of the gRPC status, such as `OK` or `RESOURCE_EXHAUSTED`")
ERROR_TYPE = Attribute("error.type", "the status, where it is an error for this side", optional=True)
SERVER_ADDRESS = Attribute("server.address", "host that the channel was given", optional=True)
SERVER_PORT = Attribute("server.port", "its port", optional=True)
DEPENDENCY = Attribute("dependency", "name of the breaker: `stages.image`, `vectors`, `metadata`, `objects` ...")

SAMPLE_ID = Attribute("mmpipe.sample_id", "id of the sample")
DB_SYSTEM = Attribute("db.system.name", "`milvus`, `postgresql`, `sqlite` ...")
DB_OPERATION = Attribute("db.operation.name", "`upsert`, `search`, `delete` ...")
DB_COLLECTION = Attribute("db.collection.name", "collection of the generation", optional=True)
