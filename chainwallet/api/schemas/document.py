"""What all documents have in common."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A JSON object: no unknown fields, and no value of another type is made into one of the right type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
