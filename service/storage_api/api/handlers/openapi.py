"""`/openapi.json`: what this API is, for programs and people."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from storage_api.api import parameters
from storage_api.api.openapi import document
from storage_api.config import Config
from storage_api.routes import OPENAPI


def blueprint(config: Config) -> Blueprint:
    """The description of a service that is configured so."""
    routes = Blueprint("openapi", __name__)
    routes.before_request(parameters.refuse)
    described = document(config)

    @routes.get(OPENAPI.path)
    def openapi() -> Response:
        return jsonify(described)

    return routes
