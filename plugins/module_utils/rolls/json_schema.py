# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The JSON Schema of ``roll.yml``, for editors, from the tables of ``fields``."""

from __future__ import annotations

import json
from typing import Any, Mapping

from .fields import FIELDS, TEXT, Field

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def roll_schema() -> str:
    """Return the schema as JSON text."""
    schema = {"$schema": DRAFT, "title": "A roll of npaci.rocks", **_table(FIELDS)}
    return json.dumps(schema, indent=2) + "\n"


def _table(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"description": field.meaning, **_value(field)} for name, field in fields.items()
        },
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
    }


def _value(field: Field) -> dict[str, Any]:
    # The pattern of free text uses a flag that JSON Schema does not have.
    text = {"type": "string"}
    if field.pattern != TEXT:
        text["pattern"] = f"^(?:{field.pattern})$"
    if field.kind == "table":
        return _table(field.fields)
    if field.kind == "tables":
        return {"type": "array", "items": _table(field.fields)}
    if field.kind == "bool":
        return {"type": "boolean"}
    if field.kind == "mapping":
        return {"type": "object", "additionalProperties": {"type": ["string", "boolean"]}}
    if field.kind == "list":  # a single text is a list of one
        return {"anyOf": [text, {"type": "array", "items": text}]}
    return text
