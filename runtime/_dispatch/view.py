"""What plugins see of configs and of the environment, whoever shows it to them."""

from collections.abc import Iterable, Mapping, Sequence

from runtime.plugins import RawBinding, RawTrigger
from wrangler_compat import WorkerConfig

__all__ = ["bindings_of", "option_of", "raw_bindings_of", "triggers_of"]


def raw_bindings_of(config: WorkerConfig) -> list[RawBinding]:
    """Return every binding of a worker."""
    return [
        RawBinding(
            worker=config.name,
            name=binding.name,
            type=binding.type,
            fields=binding.fields,
            position=binding.position,
        )
        for binding in config.bindings
    ]


def bindings_of(configs: Iterable[WorkerConfig], kind: str) -> Sequence[RawBinding]:
    """Return the bindings of one kind."""
    return [raw for config in configs for raw in raw_bindings_of(config) if raw.type == kind]


def triggers_of(configs: Iterable[WorkerConfig], kind: str) -> Sequence[RawTrigger]:
    """Return the triggers of one kind."""
    return [
        RawTrigger(worker=config.name, type=trigger.type, fields=trigger.fields)
        for config in configs
        for trigger in config.triggers
        if trigger.type == kind
    ]


def option_of(environ: Mapping[str, str], kind: str, name: str, default: str) -> str:
    """Return the operator's choice for a kind, or the default."""
    return environ.get(f"EDGESTEAD_{kind}_{name}".upper(), default)
