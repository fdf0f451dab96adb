"""Drills: inject a fault into a lab of their own, and measure when its alert arrives and is resolved.

`drill` reads the files in drills/, and `faults` switches their faults on and off. `run` starts the lab and
runs drills side by side; `session` runs each: it compares what happens with `theory` and notes it in a
`result`. `report` shows and records the results.
"""

from pathlib import Path

VALUES = Path(__file__).with_name("values.yaml")
"""The values of the drills' lab: short intervals, and windows that pass faster than their names say."""
EXCEPTIONS = Path(__file__).with_name("exceptions.yaml")
"""Kinds of alerts without a drill, and the reasons."""
