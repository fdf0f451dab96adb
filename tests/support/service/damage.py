"""Damage to stored files."""

from pathlib import Path


def flip(file: Path, position: int) -> None:
    """Flip one bit of a file."""
    with file.open("r+b") as opened:
        opened.seek(position)
        byte = opened.read(1)[0]
        opened.seek(position)
        opened.write(bytes([byte ^ 1]))
