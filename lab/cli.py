"""The commands of the lab."""

import argparse
import shlex
import signal
import sys
import time
from functools import partial
from pathlib import Path

import yaml
from rich.console import Console

from lab import clean, deps, pictures, prepare, preview, status_table, toolchain, traffic
from lab.errors import LabError
from lab.folders import tools_folder
from lab.platform import PARTS, Platform
from lab.progress import progress, say
from lab.render.chart import RenderError
from lab.settings import Settings
from lab.toolchain import ToolError

DATA_SECONDS = 60


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code. What goes wrong is one line on stderr."""
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


def _platform() -> Platform:
    return _platform_of(Settings.read())


def _platform_of(settings: Settings) -> Platform:
    return Platform(
        folder=settings.folder,
        value_files=settings.value_files,
        ports=settings.ports,
        grafana_home=settings.grafana_home,
    )


def _up(options: argparse.Namespace) -> int:
    settings = Settings.read()
    platform = _platform_of(settings)
    if settings.kept:
        kept = " ".join(f"{name}={shlex.quote(value)}" for name, value in sorted(settings.kept.items()))
        say(f"kept from the last make up: {kept} (set a variable to change it, VALUES= for no value files)")
    prepare.install(["helm"])
    platform.check()
    prepare.install(prepare.FOR_UP)
    before = platform.processes.all()
    try:
        platform.up()
        settings.remember()
        if options.minutes:
            platform.send_sample_traffic(options.minutes)
            say(f"sending sample traffic for {options.minutes} minutes, waiting for the first data ...")
        _publish_preview(platform)
        _wait_for_data(platform, busy=options.minutes > 0)
    except BaseException:
        # What ran before this call goes on; what it started does not stay half-done.
        after = platform.processes.all()
        platform.stop([name for name, started in after.items() if before.get(name) != started])
        raise
    return _show(platform)


def _publish_preview(platform: Platform) -> None:
    """The platform is worth having without a preview: what it lacks is one line, not a failure."""
    try:
        preview.publish(platform)
    except (LabError, ToolError, OSError) as error:
        say(f"no preview of the dashboards: {error}")


def _wait_for_data(platform: Platform, *, busy: bool) -> None:
    deadline = time.monotonic() + DATA_SECONDS
    lacking = "nothing was asked yet"
    with progress(say, lambda: f"waiting for the first data: {lacking}"):
        while True:
            found = status_table.Figures.read(platform.prometheus, platform.started())
            if not (lacking := found.lacking(busy=busy)):
                return
            if time.monotonic() > deadline:
                raise LabError(f"no data after {DATA_SECONDS} s: {lacking}; logs: {platform.folder / 'logs'}")
            time.sleep(0.5)


def _status(_: argparse.Namespace) -> int:
    platform = _platform()
    if not platform.processes.all():
        raise LabError("nothing runs; make up brings the platform up")
    return _show(platform)


def _show(platform: Platform) -> int:
    """Prints the table; 0 where every part that was started runs and answers."""
    states = platform.states()
    try:
        found = status_table.Figures.read(platform.prometheus, platform.started())
    except LabError:
        found = None
    rows = [(name, state, platform.url(name) if name in PARTS else "") for name, state in states.items()]
    if "grafana" not in states:
        rows.append(("grafana", "not on PATH, not in GRAFANA_HOME", ""))
    if preview.published(platform):
        print(f"See the dashboards: {preview.url(platform)}")
    Console().print(status_table.table(rows, found))
    return 0 if all(state.startswith(("running", "finished")) for state in states.values()) else 1


def _down(_: argparse.Namespace) -> int:
    stopped = _platform().down()
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def _clean(_: argparse.Namespace) -> int:
    platform = _platform()
    if stopped := platform.down():
        say(f"stopped: {', '.join(stopped)}")
    clean.refuse_running([tools_folder(), platform.folder])
    return 0


def _deps(_: argparse.Namespace) -> int:
    deps.download()
    return 0


def _traffic(options: argparse.Namespace) -> int:
    url = (options.url or _platform().service_url).rstrip("/")
    report = traffic.send(
        url,
        rounds=options.rounds,
        parallel=options.parallel,
        ids=options.ids,
        prefix=options.prefix,
        rate=options.rate,
    )
    traffic.show(report, as_json=options.json)
    return 0 if report.complete else 130


def _render(_: argparse.Namespace) -> int:
    yaml.safe_dump_all(_platform().render().objects, sys.stdout, sort_keys=False)
    return 0


def _tools(options: argparse.Namespace) -> int:
    if not options.print:
        prepare.install(toolchain.PROGRAMS)
    for program in [options.print] if options.print else toolchain.PROGRAMS:
        path = toolchain.find(program)
        print(path if options.print else f"{program}: {path}")
    return 0


def _preview(_: argparse.Namespace) -> int:
    print(preview.build())
    return 0


def _pictures(options: argparse.Namespace) -> int:
    for path in pictures.take(_platform(), options.folder, options.range):
        print(f"{path} ({path.stat().st_size // 1024} KiB)")
    return 0


def _parser() -> argparse.ArgumentParser:
    # In full: `--minute` is a mistake, not `--minutes`.
    whole = {"allow_abbrev": False}
    parser = argparse.ArgumentParser(prog="python -m lab", description=sys.modules["lab"].__doc__, **whole)
    commands = parser.add_subparsers(
        dest="command", required=True, parser_class=partial(argparse.ArgumentParser, **whole)
    )

    up = commands.add_parser("up", help="bring the platform up, with sample traffic")
    up.add_argument(
        "--minutes", type=_whole(0, 1440), default=10, help="of sample traffic, 0 for none (%(default)s)"
    )
    up.set_defaults(run=_up)

    commands.add_parser("status", help="what runs, with live figures").set_defaults(run=_status)

    down = commands.add_parser("down", help="stop what up started; data stays")
    down.set_defaults(run=_down)

    cleaner = commands.add_parser("clean", help="stop what up started; fail where more runs from our folders")
    cleaner.set_defaults(run=_clean)

    sender = commands.add_parser("traffic", help="send sample traffic and report what was sent")
    sender.add_argument("--url", help="the storage API (http://127.0.0.1:PORT)")
    sender.add_argument("--rounds", type=_whole(1, 100_000), default=1000, help="(%(default)s)")
    sender.add_argument("--parallel", type=_whole(1, 256), default=8, help="requests at a time (%(default)s)")
    sender.add_argument("--ids", type=_whole(1, 10_000), default=8, help="bucket ids 1 to N (%(default)s)")
    sender.add_argument("--prefix", default="", help="of the bucket ids, for traffic beside other (none)")
    sender.add_argument("--rate", type=_rate, default=0.0, help="rounds per second at most, 0: no limit")
    sender.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    sender.set_defaults(run=_traffic)

    commands.add_parser("render", help="print the rendered objects").set_defaults(run=_render)

    commands.add_parser("deps", help="download the chart's dependencies").set_defaults(run=_deps)

    finder = commands.add_parser("tools", help="install what the lab runs, and say where it is")
    finder.add_argument("--print", choices=sorted(toolchain.PROGRAMS), help="print only this program's path")
    finder.set_defaults(run=_tools)

    builder = commands.add_parser("preview", help="build the dashboards' preview page, and say where it is")
    builder.set_defaults(run=_preview)

    camera = commands.add_parser("pictures", help="draw every dashboard, light and dark, as PNG")
    camera.add_argument("--folder", type=Path, default=pictures.FOLDER, help="(docs/pictures)")
    camera.add_argument("--range", default="15m", help="how far back they show (%(default)s)")
    camera.set_defaults(run=_pictures)
    return parser


def _whole(low: int, high: int):
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return read


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1000")
    return value
