"""What goes wrong for a person: the message is one line that says what, and what is allowed."""


class LabError(Exception):
    """The lab can't do what it was asked."""
