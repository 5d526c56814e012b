"""What the client answers, as the JSON and the lines that verbs print."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chainwallet.client.documents import Amount, time_text


def json_of(value: object) -> Any:
    """``value`` of the client as JSON has it: amounts as texts, times as in the API."""
    match value:
        case Amount():
            return value.document
        case Decimal():
            return format(value, "f")
        case datetime():
            return time_text(value)
        case Mapping():
            return {name: json_of(each) for name, each in value.items()}
        case tuple() | list():
            return [json_of(each) for each in value]
    if is_dataclass(value):
        return {one.name: json_of(getattr(value, one.name)) for one in fields(value)}
    return value
