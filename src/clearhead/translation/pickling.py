"""Models that pickle as a reference to their folder, and are read again on first use.

A pickled model of some hundred bytes can travel with every task of a cluster; each process reads
the weights from its own disk, or from a shared one. The hash of the model's files travels along, so
that a process with another model raises an error.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError
from .directions.discovery import find_model
from .model_files import Stamp, files_hash, files_stamp, name_elsewhere

_LOADING = threading.RLock()


@dataclass(frozen=True)
class Reference:
    """A model on another machine or in another process.

    Attributes:
        model: its name or folder.
        digest: of its files, see `files_hash`.
        arguments: with which it is loaded.
    """

    model: str
    digest: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """The folder that a model was read from, and its state at that time."""

    folder: Path
    stamp: Stamp

    @classmethod
    def of(cls, folder: Path | None) -> Origin | None:
        """Return the origin of a model that was just read; None if it has no folder."""
        return None if folder is None else cls(folder, files_stamp(folder))

    def refer(self, arguments: Mapping[str, Any]) -> Reference:
        """Return a reference to the model.

        Raises:
            CheckpointError: its files have changed since they were read.
        """
        try:
            is_same = files_stamp(self.folder) == self.stamp
        except OSError:
            is_same = False
        if not is_same:
            raise CheckpointError(
                f"A model pickles as the folder that it was read from, and the files in "
                f"{self.folder} were changed or removed since. Load the model again."
            )
        return Reference(name_elsewhere(self.folder), files_hash(self.folder), arguments)


class PickledByName:
    """A model that pickles as a `Reference` if possible, else by its attributes.

    A class returns the arguments for loading in `_arguments_elsewhere`, and loads in `_load_again`.
    """

    _origin: Origin | None = None
    _parts_of_this_process: tuple[str, ...] = ()
    """Attributes that are made again where they are needed, such as locks and other engines."""

    def _arguments_elsewhere(self) -> dict[str, Any] | None:
        """Return the arguments of `_load_again`; None if the folder alone is not enough."""
        raise NotImplementedError

    @classmethod
    def _load_again(cls, folder: Path, arguments: Mapping[str, Any]) -> Any:
        """Return a model of this class."""
        raise NotImplementedError

    def refer(self) -> Reference | None:
        """Return a reference to this model; None if no folder determines it.

        Raises:
            CheckpointError: its files were changed since it was read.
        """
        with _LOADING:
            reference: Reference | None = self.__dict__.get("_reference")
            # A derived class may hold more than the folder.
            if reference is None and type(self).__module__.startswith("clearhead."):
                arguments = None if self._origin is None else self._arguments_elsewhere()
                if self._origin is not None and arguments is not None:
                    reference = self._origin.refer(arguments)
        return reference

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the model as a reference if its folder determines it."""
        reference = self.refer()
        if reference is not None:
            return _not_loaded, (type(self), reference)
        return super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes that another process can use."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in self._parts_of_this_process
        }

    if not TYPE_CHECKING:  # otherwise a type checker would accept every name

        def __getattr__(self, name: str) -> Any:
            """Load an unpickled model on the first access to an attribute."""
            with _LOADING:
                if name.startswith("__") or name == "_reference":
                    raise AttributeError(name)
                if "_reference" in self.__dict__:
                    _load_into(self, self.__dict__["_reference"])
                if name in self.__dict__:
                    return self.__dict__[name]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def find_again(reference: Reference) -> Path:
    """Return the folder of a model on this machine.

    Raises:
        CheckpointError: this machine has no such model, or another one under its name.
    """
    folder = find_model(reference.model)
    if files_hash(folder) != reference.digest:
        raise CheckpointError(
            f"The model {reference.model} on this machine is another one than where it was "
            f"pickled: its files have another SHA-256 than {reference.digest[:12]}... Copy the "
            f"same folder to every machine, or pickle the model again."
        )
    return folder


def _not_loaded(kind: type[PickledByName], reference: Reference) -> PickledByName:
    """Return a model that loads itself on first use."""
    model = kind.__new__(kind)
    model.__dict__["_reference"] = reference
    return model


def _load_into(model: PickledByName, reference: Reference) -> None:
    """Load a model into its placeholder object.

    Raises:
        CheckpointError: this machine has no such model, or another one under its name.
    """
    loaded_model = model._load_again(find_again(reference), reference.arguments)
    model.__dict__.update(loaded_model.__dict__)
    del model.__dict__["_reference"]
