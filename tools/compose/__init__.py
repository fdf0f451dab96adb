"""Writes deploy/compose: the platform for Docker Compose, from the rendered chart."""
