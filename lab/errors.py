"""Errors for people: one line that says what is wrong and what is allowed."""


class LabError(Exception):
    """The lab can't do what the user asked for."""
