"""The key `observability`: what is kept of a worker's runs."""

from wrangler_compat.config.model.parts import ConfigTable

__all__ = ["Logs", "Observability", "Traces"]


class Traces(ConfigTable):
    """The table `traces`: whether they are taken, of which share of runs, and where they go."""

    enabled: bool | None = None
    head_sampling_rate: float | None = None
    destinations: tuple[str, ...] = ()
    persist: bool | None = None


class Logs(Traces):
    """The table `logs`: as for traces, and whether each run is a log line of its own."""

    invocation_logs: bool | None = None


class Observability(ConfigTable):
    """The section `observability`; None where it says nothing."""

    enabled: bool | None = None
    head_sampling_rate: float | None = None
    logs: Logs | None = None
    traces: Traces | None = None
