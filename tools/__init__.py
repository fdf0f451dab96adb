"""Generators: the values' schema and tables, and the parts of docs that are written from the service."""
