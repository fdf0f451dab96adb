"""The HTTP API as a Flask application: handlers, conditions, ranges, errors, authorization, OpenAPI."""
