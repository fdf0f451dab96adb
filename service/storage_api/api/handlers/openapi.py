"""`/openapi.json`: the OpenAPI document of this API."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from storage_api.api import parameters
from storage_api.api.openapi import document
from storage_api.config import Config
from storage_api.routes import OPENAPI


def blueprint(config: Config) -> Blueprint:
    """The route of the document for a service with this configuration."""
    routes = Blueprint("openapi", __name__)
    routes.before_request(parameters.refuse)
    described = document(config)

    @routes.get(OPENAPI.path)
    def openapi() -> Response:
        return jsonify(described)

    return routes
