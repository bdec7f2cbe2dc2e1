"""The key `assets`: static files that stand beside a worker."""

from wrangler_compat.config.model.parts import ConfigTable

__all__ = ["Assets"]


class Assets(ConfigTable):
    """The section `assets`; None where it says nothing."""

    directory: str | None = None
    binding: str | None = None
    base_path: str | None = None
    html_handling: str | None = None
    not_found_handling: str | None = None
    run_worker_first: bool | tuple[str, ...] | None = None
