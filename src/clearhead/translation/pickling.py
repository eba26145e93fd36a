"""Models that pickle as where they were read from, and read it again when they are first used.

A pickled model of some hundred bytes can travel with every task of a cluster; each process reads
the weights from its own disk, or from a shared one. The hash of the model's files travels along, so
that no process computes with another model without saying so.
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
    """A model that is somewhere else.

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
        """Return the origin of a model that was just read; None where it has no folder."""
        return None if folder is None else cls(folder, files_stamp(folder))

    def refer(self, arguments: Mapping[str, Any]) -> Reference:
        """Return what names the model elsewhere.

        Raises:
            CheckpointError: its files are not those any more that were read.
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
    """A model that pickles as a `Reference` where it can, else as what it is made of.

    A class says in `_arguments_elsewhere` with what it is loaded again, and loads in `_load_again`.
    """

    _origin: Origin | None = None
    _parts_of_this_process: tuple[str, ...] = ()
    """Attributes that are made again where they are needed, such as locks and other engines."""

    def _arguments_elsewhere(self) -> dict[str, Any] | None:
        """Return the arguments of `_load_again`; None where the folder does not tell everything."""
        raise NotImplementedError

    @classmethod
    def _load_again(cls, folder: Path, arguments: Mapping[str, Any]) -> Any:
        """Return a model of this class."""
        raise NotImplementedError

    def refer(self) -> Reference | None:
        """Return what names this model on another machine; None where no folder tells everything.

        Raises:
            CheckpointError: its files were changed since it was read.
        """
        with _LOADING:
            reference: Reference | None = self.__dict__.get("_reference")
            # A class that somebody derived may know more than the folder.
            if reference is None and type(self).__module__.startswith("clearhead."):
                arguments = None if self._origin is None else self._arguments_elsewhere()
                if self._origin is not None and arguments is not None:
                    reference = self._origin.refer(arguments)
        return reference

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return what pickles the model: a reference where its folder tells everything."""
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

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> Any:
            """Load a model that was pickled when the first attribute of it is asked for."""
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
    """Return a model that loads itself when it is first used."""
    model = kind.__new__(kind)
    model.__dict__["_reference"] = reference
    return model


def _load_into(model: PickledByName, reference: Reference) -> None:
    """Load a model into the object that stands for it.

    Raises:
        CheckpointError: this machine has no such model, or another one under its name.
    """
    loaded_model = model._load_again(find_again(reference), reference.arguments)
    model.__dict__.update(loaded_model.__dict__)
    del model.__dict__["_reference"]
