"""The functions that a named query may call: those of the servers' own that read only.

Owns the lists. A function that is not here may be a shop's own, or read files, wait, lock, connect
elsewhere or change settings; none of these is refused by a read-only transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from appliance.integrations.database.connection import DatabaseName

_KEYWORDS = """
    all and any array as between by case cube distinct else except exists filter from group
    having ilike in intersect is join lateral like limit materialized not offset on only or over
    recursive rollup row select sets similar some then union using values when where with zone
"""
KEYWORDS: Final = frozenset(_KEYWORDS.split())
"""Words that may stand before a parenthesis and call nothing."""

_EVERYWHERE = """
    abs avg bigint cast ceil ceiling char char_length character character_length coalesce concat
    concat_ws count cume_dist date dec decimal dense_rank double exp extract first_value float
    floor greatest grouping int integer lag last_value lead least left length ln log lower ltrim
    max min mod nth_value ntile nullif numeric octet_length percent_rank position pow power
    radians rank replace right round row_number rtrim sign sqrt substr substring sum time
    timestamp trim upper varchar
"""
_POSTGRESQL = """
    age array_agg array_append array_cat array_length array_position array_positions
    array_prepend array_remove array_replace array_to_json array_to_string ascii bit bool_and
    bool_or btrim cardinality cbrt chr date_bin date_part date_trunc decode div encode every
    format generate_series initcap interval isfinite json_agg json_array_elements
    json_array_elements_text json_array_length json_build_array json_build_object json_each
    json_each_text json_extract_path json_extract_path_text json_object_agg json_object_keys
    json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length
    jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
    jsonb_extract_path_text jsonb_object_agg jsonb_object_keys jsonb_path_exists
    jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_typeof justify_days
    justify_hours justify_interval lower_inf lpad make_date make_interval make_time
    make_timestamp make_timestamptz md5 mode now num_nonnulls num_nulls overlay percentile_cont
    percentile_disc phraseto_tsquery plainto_tsquery regexp_count regexp_like regexp_match
    regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
    reverse row_to_json rpad split_part starts_with stddev string_agg string_to_array strpos
    timestamptz timetz to_char to_date to_json to_jsonb to_number to_timestamp to_tsquery
    to_tsvector translate trunc ts_headline ts_rank ts_rank_cd unnest upper_inf variance
    websearch_to_tsquery width_bucket
"""
_MYSQL = """
    adddate addtime against any_value ascii binary bit_and bit_count bit_or bit_xor convert
    convert_tz crc32 curdate current_date current_time current_timestamp curtime date_add
    date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear elt field
    find_in_set format from_days from_unixtime group_concat hex hour if ifnull instr interval
    isnull json_array json_array_agg json_arrayagg json_contains json_contains_path json_extract
    json_keys json_length json_object json_objectagg json_quote json_search json_type
    json_unquote json_valid json_value last_day lcase locate lpad makedate maketime match md5
    microsecond mid minute month monthname now nvl nvl2 ord period_add period_diff quarter
    regexp_instr regexp_like regexp_replace regexp_substr reverse rpad sec_to_time second sha1
    sha2 soundex std stddev str_to_date strcmp subdate substring_index subtime time_format
    time_to_sec timediff timestampadd timestampdiff to_days truncate ucase unhex unix_timestamp
    utc_date utc_time utc_timestamp variance week weekday weekofyear year yearweek
"""
_SQLITE = """
    bm25 char datetime glob group_concat hex highlight ifnull iif instr json json_array
    json_array_length json_each json_extract json_group_array json_group_object json_object
    json_tree json_type json_valid jsonb julianday match quote snippet strftime string_agg
    timediff total typeof unicode unixepoch
"""


def _build(own: str) -> frozenset[str]:
    return frozenset((_EVERYWHERE + own).split())


FUNCTIONS: Final[Mapping[DatabaseName, frozenset[str]]] = MappingProxyType(
    {
        "postgresql": _build(_POSTGRESQL),
        "mysql": _build(_MYSQL),
        "mariadb": _build(_MYSQL),
        "sqlite": _build(_SQLITE),
    }
)
