"""What one tenant may send: samples and bytes for each second, and how large one thing may be.

A token bucket for each (Turner, 1986): it fills at the allowed rate up to one second's worth. What costs more than the
bucket holds goes in when it is full and leaves it in debt, so that a large sample is slowed down and never locked out.
Each replica counts for itself: behind a name with N replicas a tenant may send up to N times as much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.spec.processes import Limits
from mmpipe.v1 import error_pb2

type Clock = Callable[[], float]
"""Monotonic seconds."""

_BURST_S = 1.0
_UPLOAD = "upload the media over 256 KiB by GatewayService.Upload and send their references"


@dataclass(slots=True)
class Bucket:
    """Tokens of one tenant and one kind; ``level`` was true at the moment ``at``, and below 0 is debt."""

    rate: float
    level: float
    at: float

    @classmethod
    def full(cls, rate: float, now: float) -> Bucket:
        """A bucket that nobody has drawn from."""
        return cls(rate, rate * _BURST_S, now)

    def wait_s(self, cost: float, now: float) -> float:
        """How long until ``cost`` may be drawn; 0 is now."""
        self.level = min(self.rate * _BURST_S, self.level + (now - self.at) * self.rate)
        self.at = now
        return max(0.0, (min(cost, self.rate * _BURST_S) - self.level) / self.rate)

    def draw(self, cost: float) -> None:
        """Take it out."""
        self.level -= cost


class TenantLimits:
    """The buckets of every tenant that has called. For one event loop."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: dict[str, tuple[Bucket, Bucket]] = {}

    def admit(self, tenant: str, samples: int, size_bytes: int) -> None:
        """Count what came in. Raises Refusal RATE_LIMITED with the time to wait; then nothing was counted."""
        now = self._clock()
        of_samples, of_bytes = self._buckets_of(tenant, now)
        wait_s = max(of_samples.wait_s(samples, now), of_bytes.wait_s(size_bytes, now))
        if wait_s > 0:
            raise self._too_fast(wait_s)
        of_samples.draw(samples)
        of_bytes.draw(size_bytes)

    def draw_bytes(self, tenant: str, size_bytes: int) -> float:
        """Count what comes in on a stream that can be slowed down; for how many seconds to do so."""
        now = self._clock()
        _, of_bytes = self._buckets_of(tenant, now)
        of_bytes.draw(size_bytes)
        return of_bytes.wait_s(0, now)

    def check_sample(self, size_bytes: int, field: str) -> None:
        """Raises Refusal TOO_LARGE for a sample of more bytes than go into one call."""
        most = self._limits.max_sample_bytes
        if size_bytes > most:
            raise too_large(field, size_bytes, f"at most {most:,} bytes", _UPLOAD)

    def check_upload(self, size_bytes: int) -> None:
        """Raises Refusal TOO_LARGE for a medium of more bytes than this gateway stores."""
        most = self._limits.max_upload_bytes
        if size_bytes > most:
            remedy = "send a smaller medium or raise spec.gateway.limits.maxUploadBytes"
            raise too_large("size_bytes", size_bytes, f"at most {most:,}", remedy)

    def _buckets_of(self, tenant: str, now: float) -> tuple[Bucket, Bucket]:
        if tenant not in self._buckets:
            rates = (self._limits.samples_per_second, self._limits.bytes_per_second)
            self._buckets[tenant] = (Bucket.full(rates[0], now), Bucket.full(rates[1], now))
        return self._buckets[tenant]

    def _too_fast(self, wait_s: float) -> Refusal:
        samples, size = self._limits.samples_per_second, self._limits.bytes_per_second
        message = (
            f"rate: found more than this tenant may send; expected at most {samples:g} samples and {size:,.0f} bytes "
            f"each second; send again in {wait_s:.3g} s"
        )
        return Refusal(error_pb2.REASON_RATE_LIMITED, message, retry_after_s=wait_s)


def too_large(field: str, size_bytes: int, expected: str, remedy: str) -> Refusal:
    """The refusal of something that this gateway will not take in one piece."""
    message = f"{field}: found {size_bytes:,} bytes; expected {expected}; {remedy}"
    return Refusal(error_pb2.REASON_TOO_LARGE, message, field=field)
