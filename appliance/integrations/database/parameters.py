"""What a named query is told: its parameters beside what the endpoint declares.

Owns checking that both name the same, and choosing each value from a tool's arguments.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.domain.integration import Endpoint
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.integrations.connection_fields import refuse_field
from appliance.integrations.database.statement import Statement
from appliance.integrations.endpoint_request import choose_argument, write_text


def check_parameters(endpoint: Endpoint, statement: Statement) -> None:
    """Look whether the endpoint declares what the query names, and nothing else.

    Raises:
        InvalidInput: A name is there on one side only, or twice.
    """
    names = [parameter.name for parameter in endpoint.parameters]
    for number, parameter in enumerate(endpoint.parameters):
        field = f"parameters.{number}"
        if parameter.name in names[:number]:
            raise refuse_field(f"{field}.name", "This parameter is there twice.")
        if parameter.name not in statement.names:
            raise refuse_field(f"{field}.name", f"The query has no :{parameter.name}.")
        if parameter.target is not None:
            raise refuse_field(f"{field}.target", "A query names its parameters itself.")
    missing = next((name for name in statement.names if name not in names), None)
    if missing is not None:
        raise refuse_field("query", f"Declare :{missing} in parameters.")


def choose_values(endpoint: Endpoint, arguments: Mapping[str, JsonValue]) -> JsonObject:
    """Return a value for each parameter, of the declared type; a text without one.

    A text is what most columns hold, and compares with no number by accident: MySQL takes every
    text for equal to 0.

    Raises:
        Rejected: An argument is missing, or of another type.
    """
    values: JsonObject = {}
    for parameter in endpoint.parameters:
        value = choose_argument(parameter, arguments)
        if parameter.type is None and value is not None:
            value = write_text(value, parameter.name)
        values[parameter.name] = value
    return values
