"""One module for each server that the lab runs: its configuration, made from the render."""
