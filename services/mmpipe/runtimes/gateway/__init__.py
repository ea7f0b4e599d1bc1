"""The gateway: the door of one pipeline, as a gRPC service (protos/mmpipe/v1/gateway.proto).

::

    process          event loop, signals, telemetry (observing: the queue and the breakers among the metrics)
     ├─ server       listening, TLS, health, reflection, draining
     ├─ assembly     reads the spec; opens and closes what is asked (stores, queueing, each a guarded dependency)
     └─ service      one method of the proto each, in two or three lines; what it is made of:
         ├─ interception   what surrounds every call: faults, then authentication
         ├─ limits         what a tenant may send
         ├─ acceptance     a sample becomes durable:  validation → naming → claim check → queue → recording
         │   └─ ingest     the same for packs on a stream
         ├─ uploads        large media into the object store
         ├─ samples        what is known about one, and how it is forgotten
         ├─ searching      queries through the stages to Milvus, and remembered answers
         ├─ dead_letters   those given up: listed (shown, paging), redriven
         └─ quarantine     those rejected: listed, released

A gateway holds no state that another replica would miss: what it promised is in the queue, the rest in the stores.
"""
