"""How large a context window to ask Ollama for.

Owns the steps; that a prompt does not fit is decided by Ollama itself, which is told not to
truncate.

Ollama's own default is a few thousand tokens, beyond which it drops the oldest messages without a
word, so ``num_ctx`` is always sent. Another value than last time reloads the model, so it moves in
powers of two and, per model, only upwards.
"""

from __future__ import annotations

from appliance.domain.tokens import estimate_tokens, most_tokens

SMALLEST_WINDOW_TOKENS = 4096
MARGIN = 1.1


class WindowSizes:
    """Remembers the window of each model, so that it never shrinks while the program runs."""

    def __init__(self, *, max_window_tokens: int) -> None:
        self._max_window_tokens = max_window_tokens
        self._largest: dict[str, int] = {}

    def ceiling(self, context_length: int | None) -> int:
        """Return the largest window for a model made for ``context_length`` tokens."""
        return min(self._max_window_tokens, context_length or self._max_window_tokens)

    def choose(
        self, model: str, *, prompt_text: bytes, max_output_tokens: int, context_length: int | None
    ) -> int:
        """Return ``num_ctx`` for a call: a power of two, or the most that ``model`` can hold.

        Args:
            model: The model's name.
            prompt_text: Messages and tool schemas as they are sent, in UTF-8.
            max_output_tokens: Room that the answer needs.
            context_length: What the model was made for; ``None`` when it does not say.
        """
        ceiling = self.ceiling(context_length)
        window = max(SMALLEST_WINDOW_TOKENS, self._largest.get(model, 0))
        if window < int(most_tokens(len(prompt_text)) * MARGIN) + max_output_tokens:
            needed = int(estimate_tokens(prompt_text) * MARGIN) + max_output_tokens
            while window < needed:
                window *= 2
        window = min(window, ceiling)
        self._largest[model] = window
        return window
