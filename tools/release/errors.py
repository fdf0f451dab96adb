"""The error of this package."""


class ReleaseError(Exception):
    """A release can't be made; each argument is one line for the user."""
