"""The engines for many texts, which a translator has besides the readable engine."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..config import TransformerConfig
from ..engine.protocols import Engine
from ..errors import ConfigError
from ..search.settings import SearchSettings
from ..text.tokenizer import Tokenizer
from .checkpoint import Checkpoint, read_checkpoint
from .model_files import is_whole
from .pickling import Origin, PickledByName

if TYPE_CHECKING:
    from ..volume.choice import EngineChoice
    from ..volume.engines import VolumeEngines


class OtherEngines(PickledByName):
    """The part of a `Translator` that handles other engines, and remembers where it was read from.

    Attributes:
        engine_choice: the engine of the latest call that requested another one than the readable
            engine, with the reason; None before such a call.
    """

    engine: Engine
    config: TransformerConfig
    tokenizer: Tokenizer
    settings: SearchSettings
    engine_choice: EngineChoice | None = None
    _checkpoint: Checkpoint | None = None
    _parts_of_this_process = ("engines",)

    def take_other_engines(self, checkpoint: Checkpoint) -> None:
        """Let the other engines use the model that was read.

        Its weights are not kept if its folder can be read again.
        """
        if checkpoint.folder is None:
            self._checkpoint = checkpoint
        else:
            self._folder = checkpoint.folder
            self._origin = Origin.of(checkpoint.folder) if is_whole(checkpoint.folder) else None

    @cached_property
    def engines(self) -> VolumeEngines:
        """The other engines of this model, each created on first use.

        Raises:
            ConfigError: the translator was created from an engine, not from a model that was read.
        """
        from ..volume.engines import VolumeEngines

        if self._checkpoint is None and not hasattr(self, "_folder"):
            raise ConfigError(
                "Other engines need the model's weights, and this translator was made of an engine "
                "alone. Use Translator.load or Translator.from_checkpoint."
            )
        return VolumeEngines(self.config, self._read_model, self.tokenizer, self.engine)

    def _read_model(self) -> Checkpoint:
        return self._checkpoint or read_checkpoint(self._folder)

    def choose_engine(
        self,
        engine: str = "auto",
        compute: str = "float32",
        *,
        characters: int = 0,
        **search_settings: Any,
    ) -> EngineChoice:
        """Return which engine `Translator.translate` uses; ``engine_choice`` tells it, too.

        Args:
            engine: ``numpy``, ``torch``, ``ctranslate2``, or ``auto``: the readable engine for few
                texts, and for many CTranslate2, if it is installed and supports the request, else a
                GPU.
            compute: as `Translator.translate` takes it.
            characters: of all texts.
            search_settings: as `Translator.translate` takes them.

        Raises:
            ConfigError: there is no such engine, or it does not support the request.
            MissingExtraError: it is not installed.
        """
        settings = SearchSettings.of(self.settings, **search_settings)
        self.engine_choice = self.engines.choose(
            engine, compute, settings, explicit=search_settings, characters=characters
        )
        return self.engine_choice
