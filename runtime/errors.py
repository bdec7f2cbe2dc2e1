"""What the runtime refuses, and why.

HostError
├── PluginError         a binding plugin that cannot be used
├── WorkerLoadError     a worker whose code or bindings cannot be loaded (.file, .line)
├── CpuLimitError       a handler that computed longer than limits.cpu_ms
├── SubrequestLimitError    too many sub-requests, or service calls nested too deep
├── NoWorkerError       a name that no loaded worker has
├── SdkClashError       another distribution owns the import name `workers`
└── PortInUseError      a listening address that is taken (.port, .pid)
"""

from typing import ClassVar

__all__ = [
    "CpuLimitError",
    "HostError",
    "NoWorkerError",
    "PluginError",
    "PortInUseError",
    "SdkClashError",
    "SubrequestLimitError",
    "WorkerLoadError",
]


class HostError(Exception):
    """Root of the runtime's own errors; `code` is stable, `exit_code` is the command's."""

    code: ClassVar[str] = "host_error"
    exit_code: ClassVar[int] = 1


class PluginError(HostError):
    """A binding plugin does not import, does not fit the seam, or clashes with another."""

    code: ClassVar[str] = "plugin"


class WorkerLoadError(HostError):
    """A worker cannot be loaded; other workers are not touched.

    `file` and `line` name the place in the worker's own code where there is one, `details` is the
    traceback of that code as text.
    """

    code: ClassVar[str] = "worker_load"

    def __init__(
        self,
        worker: str,
        reason: str,
        *,
        file: str | None = None,
        line: int | None = None,
        details: str = "",
    ) -> None:
        place = "" if file is None else f" ({file}:{line})" if line else f" ({file})"
        super().__init__(f'worker "{worker}" cannot be loaded: {reason}{place}')
        self.worker = worker
        self.reason = reason
        self.file = file
        self.line = line
        self.details = details


class CpuLimitError(HostError):
    """A handler computed longer than its `limits.cpu_ms` without yielding and was interrupted."""

    code: ClassVar[str] = "cpu_limit"


class SubrequestLimitError(HostError):
    """An invocation made too many sub-requests, or calls between workers nest too deep."""

    code: ClassVar[str] = "subrequest_limit"


class NoWorkerError(HostError):
    """A binding or a caller names a worker that is not loaded."""

    code: ClassVar[str] = "no_worker"


class SdkClashError(HostError):
    """More than one installed distribution provides the import name `workers`."""

    code: ClassVar[str] = "sdk_clash"


class PortInUseError(HostError):
    """A listening address is taken; `pid` is the holder's process id where it can be found."""

    code: ClassVar[str] = "port_in_use"

    def __init__(
        self,
        host: str,
        port: int,
        *,
        pid: int | None = None,
        command: str = "",
        remedy: str = "choose another port",
    ) -> None:
        holder = f"{command or 'a process'} (pid {pid})" if pid else "another process"
        super().__init__(f"port {port} on {host} is taken by {holder}; stop it, or {remedy}")
        self.port = port
        self.pid = pid
