"""Value objects that a caller makes or receives. None of them does anything; none of them shows a secret."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ApiVersion(enum.StrEnum):
    """The two generations of the REST API."""

    V2 = "v2"
    V3 = "v3"


@dataclass(frozen=True, slots=True)
class RateLimitConfig:
    """The leaky bucket of a portal: ``burst_limit`` requests, ``drain_rate`` of them given back a second.

    Source: b24restdocs, settings/performance/limits.md (50 and 2; Enterprise 250 and 5).
    """

    burst_limit: int = 50
    drain_rate: float = 2
    adaptive_enabled: bool = True


@dataclass(frozen=True, slots=True)
class OperatingLimitConfig:
    """Execution time that one method may use: ``limit_s`` seconds in a sliding window of ``window_s``.

    Source: b24restdocs, settings/performance/limits.md (480 s in ten one-minute baskets; self-hosted 420 s).
    """

    window_s: float = 600
    limit_s: float = 480
    heavy_percent: float = 80


@dataclass(frozen=True, slots=True)
class AdaptiveConfig:
    """How single calls slow down when a method has used ``threshold_percent`` of its execution time."""

    enabled: bool = True
    threshold_percent: float = 80
    coefficient: float = 0.01
    max_delay_s: float = 7


@dataclass(frozen=True, slots=True)
class RestrictionParams:
    """Limits and patience of a client, in seconds. ``max_retries`` counts attempts, as in the JS SDK.

    A walk over a list is more patient: ten attempts a request. An error with one of these codes is never repeated;
    ``make()`` raises it if it is a hard one, and returns it in its result if it is a soft one.
    Presets: :meth:`default`, :meth:`enterprise`, :meth:`batch_processing`, :meth:`realtime`, :meth:`from_tariff_plan`.
    """

    rate_limit: RateLimitConfig = RateLimitConfig()
    operating_limit: OperatingLimitConfig = OperatingLimitConfig()
    adaptive_config: AdaptiveConfig = AdaptiveConfig()
    max_retries: int = 3
    retry_delay_s: float = 1.0
    retry_on_network_error: bool = True
    hard_error_codes: tuple[str, ...] = ()
    soft_error_codes: tuple[str, ...] = ()

    @classmethod
    def default(cls) -> RestrictionParams:
        """The JS SDK's figures for every plan but Enterprise."""
        return cls()

    @classmethod
    def enterprise(cls) -> RestrictionParams:
        """For a portal on the Enterprise plan.

        >>> RestrictionParams.enterprise().rate_limit
        RateLimitConfig(burst_limit=250, drain_rate=5, adaptive_enabled=True)
        """
        return cls(rate_limit=RateLimitConfig(burst_limit=250, drain_rate=5))

    @classmethod
    def batch_processing(cls) -> RestrictionParams:
        """For long work beside others: half the rate, slower early, more attempts."""
        return cls(
            rate_limit=RateLimitConfig(burst_limit=30, drain_rate=1),
            operating_limit=OperatingLimitConfig(heavy_percent=50),
            adaptive_config=AdaptiveConfig(threshold_percent=50, coefficient=0.015, max_delay_s=10),
            max_retries=5,
        )

    @classmethod
    def realtime(cls) -> RestrictionParams:
        """For someone who waits for the answer: one attempt, never slowed down ahead of a limit."""
        adaptive = AdaptiveConfig(enabled=False, threshold_percent=100, coefficient=0.001, max_delay_s=480)
        return cls(adaptive_config=adaptive, max_retries=1)

    @classmethod
    def from_tariff_plan(cls, plan: str) -> RestrictionParams:
        """By the name of the portal's plan; every name but "enterprise" means the default.

        >>> RestrictionParams.from_tariff_plan("Enterprise") == RestrictionParams.enterprise()
        True
        """
        return cls.enterprise() if plan.lower() == "enterprise" else cls.default()
