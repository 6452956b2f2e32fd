"""The type of packages whose names come from their submodules when first asked for."""

from importlib import import_module
from types import ModuleType
from typing import Any


class Package(ModuleType):
    """Keeps a name that is a function, such as `pbnn.predict`, when its file of the same name is imported.

    The package says in `_HOMES` where its names come from.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in vars(self)["_HOMES"] and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        # cloudpickle, which takes an objective to other processes with the modules that it names, knows no such type.
        return import_module, (self.__name__,)
