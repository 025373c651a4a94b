"""Local models by Ollama; see ``chat_model``."""

from appliance.providers.ollama.chat_model import OllamaChatModel, OllamaDeadlines

__all__ = ["OllamaChatModel", "OllamaDeadlines"]
