"""OpenTelemetry's SDK behind ``mmpipe.telemetry``: imported by ``setup`` and ``testing`` when telemetry is wanted.

``meter`` and ``tracer`` implement the protocols of ``state``; ``exports`` says where metrics and spans go; ``files``
writes spans as OTLP JSON. No global provider is set: a program that embeds mmpipe keeps its own.
"""

from mmpipe.telemetry.sdk.switch import switch_on

__all__ = ["switch_on"]
