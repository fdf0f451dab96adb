"""Generators of the values' schema and tables, and of the docs' sections about the service."""
