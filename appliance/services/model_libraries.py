"""Getting and removing the models that are kept on the operator's machine.

Owns which providers keep any and how a model may be named; doing it is left to the adapters, who
may do it to ``appliance.web.guards``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping

from appliance.domain.tenant import canonical_provider
from appliance.errors import FieldError, InvalidInput, NotFound
from appliance.ports.model_library import ModelLibrary, PullProgress

_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")


class ModelLibraries:
    """Hands on to ``libraries``, which are by the provider's name."""

    def __init__(self, libraries: Mapping[str, ModelLibrary]) -> None:
        self._libraries = libraries

    def pull(self, provider: str, model: str) -> AsyncGenerator[PullProgress, None]:
        """Return the progress of getting ``model``; it goes on while this is read.

        Raises:
            NotFound: The provider keeps no models here.
            InvalidInput: No model has such a name.
        """
        return self._find(provider).pull(_checked(model))

    async def delete(self, provider: str, model: str) -> None:
        """Remove ``model``; raises as ``pull`` and ``ModelLibrary.delete``."""
        await self._find(provider).delete(_checked(model))

    def _find(self, provider: str) -> ModelLibrary:
        library = self._libraries.get(canonical_provider(provider))
        if library is None:
            raise NotFound(
                f"The provider {provider!r} keeps no models here.", code="no_model_library"
            )
        return library


def _checked(model: str) -> str:
    if _MODEL_NAME.fullmatch(model) is None or ".." in model:
        problem = f"{model!r} is no name of a model. Give one such as qwen3:4b."
        raise InvalidInput("The model's name does not fit.", errors=[FieldError("model", problem)])
    return model
