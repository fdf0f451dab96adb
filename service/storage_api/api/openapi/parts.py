"""Building blocks of an OpenAPI document: each function makes one kind of its objects."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def operation(
    id: str,
    summary: str,
    responses: dict[int, Json],
    parameters: list[Json] | None = None,
    body: Json | None = None,
) -> Json:
    made = {
        "operationId": id,
        "summary": summary,
        "responses": {str(status): responses[status] for status in sorted(responses)},
    }
    if parameters:
        made["parameters"] = parameters
    if body:
        made["requestBody"] = body
    return made


def parameter(name: str, place: str, description: str, schema: Json) -> Json:
    """An optional parameter; `place` is `query` or `header`."""
    return {"name": name, "in": place, "description": description, "schema": schema}


def response(
    description: str,
    content: Json | None = None,
    headers: dict[str, Json] | None = None,
    links: dict[str, Json] | None = None,
) -> Json:
    optional = {"content": content, "headers": headers, "links": links}
    return {"description": description} | {name: value for name, value in optional.items() if value}


def error(description: str, headers: dict[str, Json] | None = None) -> Json:
    return response(description, json({"$ref": "#/components/schemas/Error"}), headers)


def json(schema: Json) -> Json:
    """The content of a JSON body."""
    return {"application/json": {"schema": schema}}


def header(description: str, schema: Json, required: bool = True) -> Json:
    """A response header; always present if `required`."""
    return {"description": description, "required": required, "schema": schema}


def record(properties: dict[str, Json], *required: str) -> Json:
    """The schema of an object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def without_bodies(responses: dict[Any, Json]) -> dict[Any, Json]:
    """The responses to HEAD on a path where GET has `responses`."""
    return {
        status: {name: value for name, value in made.items() if name != "content"}
        for status, made in responses.items()
    }
