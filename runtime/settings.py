"""Settings of the runtime itself: from `EDGESTEAD_…` in the environment, else their defaults."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["HostSettings", "LogLevel", "Protocol"]

LogLevel = Literal["debug", "info", "warning", "error"]
Protocol = Literal["http", "https"]


class HostSettings(BaseSettings):
    """What the command's options default to; an option on the command line wins."""

    model_config = SettingsConfigDict(env_prefix="EDGESTEAD_", frozen=True, extra="ignore")

    host: str = Field(default="localhost", description="Address to listen on.")
    port: int = Field(default=8787, ge=0, le=65535, description="Port to listen on; 0 is any.")
    local_protocol: Protocol = Field(default="http", description="http, or https (self-signed).")
    log_level: LogLevel = Field(default="info", description="Least severe log lines to show.")
    persist_to: Path | None = Field(default=None, description="Folder that keeps local state.")
    shutdown_grace_s: float = Field(
        default=10.0, gt=0, description="Seconds that requests in flight get at the end."
    )
