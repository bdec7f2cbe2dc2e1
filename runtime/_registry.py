"""The binding kinds that are installed: an object, made at the root and handed in."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import runtime.bindings
from runtime.errors import PluginError
from runtime.plugins import BindingPlugin

__all__ = ["ENTRY_POINT_GROUP", "Registry"]

ENTRY_POINT_GROUP = "edgestead.bindings"


class Registry:
    """Which plugin serves which kind."""

    def __init__(self, plugins: Iterable[tuple[str, BindingPlugin[Any]]]) -> None:
        """Take plugins, each with the words that name where it comes from.

        Raises PluginError where two of them serve one kind or read one config key, naming both.
        """
        self._plugins: dict[str, BindingPlugin[Any]] = {}
        self._sections: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._problems: dict[str, PluginError] = {}
        for source, plugin in plugins:
            self._add(source, plugin)

    @classmethod
    def discover(cls) -> "Registry":
        """Find the built-in kinds and those of installed distributions.

        A distribution whose plugin does not import is no reason to stop: it stands in `problems`.
        """
        registry = cls(_built_in())
        for entry_point in entry_points(group=ENTRY_POINT_GROUP):
            source = _source_of(entry_point)
            try:
                plugin = _load(entry_point)
            except PluginError as error:
                registry._problems[source] = error
            else:
                registry._add(source, plugin)
        return registry

    @property
    def problems(self) -> Mapping[str, PluginError]:
        """Plugins that cannot be used, by where they come from."""
        return self._problems

    @property
    def kinds(self) -> list[str]:
        """Every kind that a plugin serves, sorted."""
        return sorted(self._plugins)

    @property
    def sections(self) -> Mapping[str, str]:
        """Config keys that plugins add, each with the kind that its entries have."""
        return self._sections

    @property
    def plugins(self) -> Iterator[tuple[str, BindingPlugin[Any]]]:
        """Every plugin once, with where it comes from, in the order in which they were found."""
        known = set()
        for kind, plugin in self._plugins.items():
            if id(plugin) not in known:
                known.add(id(plugin))
                yield self._sources[kind], plugin

    def plugin(self, kind: str) -> BindingPlugin[Any] | None:
        """Return the plugin that serves `kind`."""
        return self._plugins.get(kind)

    def source(self, kind: str) -> str:
        """Return where the plugin of a served kind comes from, in words."""
        return self._sources[kind]

    def _add(self, source: str, plugin: BindingPlugin[Any]) -> None:
        for kind in plugin.kinds:
            if kind in self._plugins:
                raise PluginError(
                    f'the binding kind "{kind}" is served by {self._sources[kind]} '
                    f"and by {source}; uninstall one of them"
                )
            self._plugins[kind] = plugin
            self._sources[kind] = source
        for key, kind in plugin.sections.items():
            if key in self._sections:
                raise PluginError(
                    f'the config key "{key}" is read by {self._sources[self._sections[key]]} '
                    f"and by {source}; uninstall one of them"
                )
            self._sections[key] = kind


def _built_in() -> Iterator[tuple[str, BindingPlugin[Any]]]:
    package = runtime.bindings
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        module = importlib.import_module(info.name)
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, type) and issubclass(value, BindingPlugin):
                yield info.name, value()


def _source_of(entry_point: EntryPoint) -> str:
    distribution = entry_point.dist
    owner = "" if distribution is None else f" of {distribution.name} {distribution.version}"
    return f"{entry_point.value}{owner}"


def _load(entry_point: EntryPoint) -> BindingPlugin[Any]:
    source = _source_of(entry_point)
    try:
        plugin: object = entry_point.load()()
    except Exception as error:
        raise PluginError(
            f"the binding plugin {source} does not load: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(plugin, BindingPlugin):
        raise PluginError(
            f"the binding plugin {source} is not a subclass of runtime.plugins.BindingPlugin"
        )
    # A single string would be taken for the kinds of its letters.
    kinds: object = getattr(plugin, "kinds", None)
    if not isinstance(kinds, tuple) or not kinds:
        raise PluginError(f"the binding plugin {source} needs `kinds`, a tuple of names")
    strays = sorted(set(plugin.sections.values()) - set(kinds))
    if strays:
        raise PluginError(
            f"the binding plugin {source} reads config keys for kinds that it does not serve: "
            f"{', '.join(strays)}"
        )
    return plugin
