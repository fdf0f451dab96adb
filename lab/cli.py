"""The command line of the lab: `python -m lab COMMAND`."""

import argparse
import signal
import sys
from functools import partial
from pathlib import Path

from lab import commands, pictures, toolchain
from lab.errors import LabError
from lab.render.chart import RenderError
from lab.toolchain import ToolError


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns the exit code. Errors are one line on stderr."""
    command = "lab"
    try:
        options = _parser().parse_args(arguments)
        command = options.command
        signal.signal(signal.SIGTERM, _interrupt)
        return options.run(options)
    except (LabError, RenderError, ToolError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{command}: interrupted", file=sys.stderr)
        return 130


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    # Options are spelt out: `--minute` is an error, not short for `--minutes`.
    whole = {"allow_abbrev": False}
    parser = argparse.ArgumentParser(prog="python -m lab", description=sys.modules["lab"].__doc__, **whole)
    add = parser.add_subparsers(
        dest="command", required=True, parser_class=partial(argparse.ArgumentParser, **whole)
    ).add_parser

    up = add("up", help="bring the platform up, with sample traffic")
    up.add_argument(
        "--minutes",
        type=_whole(0, 1440),
        default=10,
        help="minutes of traffic, 0 for none (%(default)s)",
    )
    up.set_defaults(run=commands.run_up)

    add("status", help="show what runs, with live figures").set_defaults(run=commands.run_status)

    down = add("down", help="stop what `up` started; data is kept")
    down.set_defaults(run=commands.run_down)

    cleaner = add("clean", help="stop what `up` started; fail if anything else runs from the lab's folders")
    cleaner.set_defaults(run=commands.run_clean)

    sender = add("traffic", help="send sample traffic and report what was sent")
    sender.add_argument("--url", help="URL of the storage API (http://127.0.0.1:PORT)")
    sender.add_argument("--rounds", type=_whole(1, 100_000), default=1000, help="number (%(default)s)")
    sender.add_argument("--parallel", type=_whole(1, 256), default=8, help="requests at a time (%(default)s)")
    sender.add_argument("--ids", type=_whole(1, 10_000), default=8, help="bucket ids 1 to N (%(default)s)")
    sender.add_argument(
        "--prefix", default="", help="prefix of the ids, to avoid those of other traffic (none)"
    )
    sender.add_argument(
        "--rate", type=_rate, default=0.0, help="limit of rounds per second, 0 for none (%(default)s)"
    )
    sender.add_argument("--path", default="/api/buckets", help="path of the objects (%(default)s)")
    sender.add_argument("--keep-going", action="store_true", help="go on even if the server does not answer")
    sender.add_argument("--json", action="store_true", help="print one line of JSON instead of a table")
    sender.set_defaults(run=commands.run_traffic)

    driller = add("drills", help="inject faults into a lab of their own, and time the alerts")
    driller.add_argument("--name", action="append", default=[], help="only this drill; may be repeated")
    driller.add_argument("--alert", action="append", default=[], help="only drills of this alert")
    driller.add_argument("--all", action="store_true", help="every drill")
    driller.add_argument("--record", action="store_true", help="write the times to drills/measured.json")
    driller.set_defaults(run=commands.run_drills)

    add("render", help="print the rendered objects").set_defaults(run=commands.run_render)

    examiner = add("doctor", help="check the cluster before the chart is installed into it")
    examiner.set_defaults(run=commands.run_doctor)

    add("deps", help="download the chart's dependencies").set_defaults(run=commands.run_deps)

    finder = add("tools", help="install the programs that the lab runs, and print their paths")
    finder.add_argument("--print", choices=sorted(toolchain.PROGRAMS), help="print only this program's path")
    finder.set_defaults(run=commands.run_tools)

    builder = add("preview", help="build the preview page of the dashboards, and print its folder")
    builder.set_defaults(run=commands.run_preview)

    camera = add("pictures", help="draw the start page and every dashboard, light and dark, as PNG")
    camera.add_argument("--folder", type=Path, default=pictures.FOLDER, help="target (docs/pictures)")
    camera.add_argument("--range", default="15m", help="time range that they show (%(default)s)")
    camera.set_defaults(run=commands.run_pictures)
    return parser


def _whole(low: int, high: int):
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1000")
    return value
