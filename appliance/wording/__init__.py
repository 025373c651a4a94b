"""Words that visitors read beside their own: days, and names of tools and parameters.

Owns them by language, for every layer; whole sentences are left to who says them.
"""

from appliance.wording.labels import (
    find_role,
    humanise,
    list_titles,
    name_parameter,
    name_role,
    name_tool,
)
from appliance.wording.language_words import (
    FALLBACK_LANGUAGE,
    LanguageWords,
    base_tag,
    load_all,
    load_words,
    tells_language,
    write_day,
)

__all__ = [
    "FALLBACK_LANGUAGE",
    "LanguageWords",
    "base_tag",
    "find_role",
    "humanise",
    "list_titles",
    "load_all",
    "load_words",
    "name_parameter",
    "name_role",
    "name_tool",
    "tells_language",
    "write_day",
]
