"""Local secrets: what `.dev.vars`, `.env` files and the environment hold for a worker."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wrangler_compat.diagnostics import Diagnostics, Position
from wrangler_compat.dotenv import expand_references, parse_dotenv
from wrangler_compat.source import display_path, read_source

__all__ = ["LocalSecret", "LocalSecrets", "SecretValue", "read_local_secrets"]


class SecretValue:
    """A text that shows itself to nobody who does not ask for it by `reveal()`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "SecretValue(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and self._text == other._text

    def __hash__(self) -> int:
        return hash((SecretValue, self._text))

    def __reduce__(self) -> str:
        raise TypeError("a SecretValue cannot be pickled: its text would lie open")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSecret:
    """A secret and where it came from: `.dev.vars:3` or `environment variable API_KEY`."""

    name: str
    value: SecretValue
    source: str
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSecrets:
    """The secrets of one worker in local development.

    `missing` are the declared ones that nothing defines; `files` are those that were read.
    """

    secrets: Mapping[str, LocalSecret]
    missing: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def read_local_secrets(
    folder: Path,
    env: str | None = None,
    *,
    required: Iterable[str] | None = None,
    declared_at: Mapping[str, Position] | None = None,
    variables: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    report: Diagnostics | None = None,
) -> LocalSecrets:
    """Read the secrets that stand beside a config file.

    `.dev.vars.<env>`, else `.dev.vars`; only where neither exists `.env`, `.env.local`,
    `.env.<env>` and `.env.<env>.local`, of which the later wins; in these, references such as
    `${NAME}` are replaced. With `required`, nothing but the names in it and those of `variables` is
    taken, `environ` counts too (before `.env` files, after `.dev.vars`, as in wrangler), and what
    is missing is reported as a warning, at the place in `declared_at`. So is a line that cannot be
    read; a file that cannot be is an error. No message ever holds a value.
    """
    report = Diagnostics() if report is None else report
    environ = {} if environ is None or required is None else environ
    found: dict[str, LocalSecret] = {}
    dev_vars = _dev_vars_file(folder, env)
    files = [dev_vars] if dev_vars is not None else _dotenv_files(folder, env)
    for path in files:
        found |= _read_file(path, report)
    if dev_vars is None:
        found = _expanded(found, environ)
    if required is None:
        return LocalSecrets(secrets=found, files=tuple(files))
    names = tuple(dict.fromkeys(required))
    variables = frozenset(variables)
    taken: dict[str, LocalSecret] = {}
    for name in (*names, *(name for name in found if name in variables)):
        secret = _winner(name, found.get(name), environ.get(name), is_dev_vars=dev_vars is not None)
        if secret is not None:
            taken[name] = secret
    missing = tuple(name for name in names if name not in taken)
    _warn_missing(missing, dev_vars or folder / ".dev.vars", declared_at or {}, report)
    return LocalSecrets(secrets=taken, missing=missing, files=tuple(files))


def _winner(
    name: str, in_file: LocalSecret | None, in_environ: str | None, *, is_dev_vars: bool
) -> LocalSecret | None:
    """Return the secret of a file or that of the environment, which counts before `.env` files."""
    # An empty text in the environment counts only where no file has the name.
    if in_environ is None or (in_file is not None and (is_dev_vars or not in_environ)):
        return in_file
    source = f"environment variable {name}"
    return LocalSecret(name=name, value=SecretValue(in_environ), source=source)


def _warn_missing(
    names: Iterable[str], file: Path, declared_at: Mapping[str, Position], report: Diagnostics
) -> None:
    for name in names:
        report.add_warning(
            f'The secret "{name}" is required, but nothing defines it. '
            f"Add {name}=… to {display_path(file)}, or set it as an environment variable.",
            declared_at.get(name),
        )


def _expanded(
    found: Mapping[str, LocalSecret], environ: Mapping[str, str]
) -> dict[str, LocalSecret]:
    texts = {name: secret.value.reveal() for name, secret in found.items()}
    expanded = expand_references(texts, environ)
    return {
        name: replace(secret, value=SecretValue(expanded[name])) for name, secret in found.items()
    }


def _dev_vars_file(folder: Path, env: str | None) -> Path | None:
    names = [".dev.vars"] if env is None else [f".dev.vars.{env}", ".dev.vars"]
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)


def _dotenv_files(folder: Path, env: str | None) -> list[Path]:
    names = [".env", ".env.local"]
    if env is not None:
        names += [f".env.{env}", f".env.{env}.local"]
    return [folder / name for name in names if os.path.isfile(folder / name)]


def _read_file(path: Path, report: Diagnostics) -> dict[str, LocalSecret]:
    source = read_source(path, report)
    if source is None:
        return {}
    file = source.file
    entries, problems = parse_dotenv(source.text)
    for problem in problems:
        position = Position(file, problem.line, 1)
        report.add_warning(f"Line {problem.line} of {file} {problem.text}.", position)
    return {
        entry.name: LocalSecret(
            name=entry.name,
            value=SecretValue(entry.value),
            source=f"{file}:{entry.line}",
            position=Position(file, entry.line, 1),
        )
        for entry in entries
    }
