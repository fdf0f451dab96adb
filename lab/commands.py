"""The commands of the lab: each takes its parsed arguments and returns the exit code."""

import argparse
import shlex
import sys
import time

import yaml
from rich.console import Console

from lab import clean, deps, pictures, prepare, preview, preview_bundle, status_table, toolchain, traffic
from lab.drills import report
from lab.drills.drill import choose, read_all
from lab.drills.result import Result
from lab.drills.run import run_all
from lab.errors import LabError
from lab.figures import Figures
from lab.folders import tools_folder
from lab.platform import Platform
from lab.progress import progress, say
from lab.servers import PARTS
from lab.settings import Settings
from lab.toolchain import ToolError

DATA_SECONDS = 60
# Just after a start some metrics are missing for an evaluation, and their services count as degraded.
SETTLE_SECONDS = 10
DRILLS = "drills"
"""The folder of the drills' lab, in that of the lab."""


def _platform() -> Platform:
    return _platform_of(Settings.read())


def _platform_of(settings: Settings) -> Platform:
    return Platform(
        folder=settings.folder,
        value_files=settings.value_files,
        ports=settings.ports,
        grafana_home=settings.grafana_home,
    )


def run_up(options: argparse.Namespace) -> int:
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
        # Keep what ran before this call; stop what this call started.
        after = platform.processes.all()
        platform.stop([name for name, started in after.items() if before.get(name) != started])
        raise
    return _show(platform)


def _publish_preview(platform: Platform) -> None:
    """Publishes the preview; a failure is one line, as the platform is useful without it."""
    try:
        preview.publish(platform)
    except (LabError, ToolError, OSError) as error:
        say(f"no preview of the dashboards: {error}")


def _wait_for_data(platform: Platform, *, busy: bool) -> None:
    deadline = time.monotonic() + DATA_SECONDS
    lacking, complete = "not checked yet", 0.0
    with progress(say, lambda: f"waiting for the first data: {lacking}"):
        while True:
            found = Figures.read(platform.prometheus)
            lacking = found.lacking(busy=busy)
            if not lacking:
                complete = complete or time.monotonic()
                if not found.unsettled() or time.monotonic() > complete + SETTLE_SECONDS:
                    return
                lacking = f"not settled yet: {', '.join(found.unsettled())}"
            elif time.monotonic() > deadline:
                raise LabError(f"no data after {DATA_SECONDS} s: {lacking}; logs: {platform.folder / 'logs'}")
            time.sleep(0.5)  # before the figures are read again


def run_status(_: argparse.Namespace) -> int:
    platform = _platform()
    if not platform.processes.all():
        raise LabError("nothing is running; make up starts the platform")
    return _show(platform)


def _show(platform: Platform) -> int:
    """Prints the tables; returns 0 if every part that was started is running and ready."""
    states = platform.states()
    try:
        found = Figures.read(platform.prometheus)
    except LabError:
        found = None
    rows = [(name, state, platform.url(name) if name in PARTS else "") for name, state in states.items()]
    if "grafana" not in states:
        rows.append(("grafana", "not found on PATH or in GRAFANA_HOME", ""))
    if preview.published(platform):
        print(f"Dashboards: {preview.url(platform)}")
    console = Console()
    console.print(status_table.parts_table(rows, found))
    if found:
        console.print(status_table.services_table(found.services))
        console.print(status_table.firing_table(found.services))
    console.print(status_table.notifications_table(platform.notifications()))
    return 0 if all(state.startswith(("running", "finished")) for state in states.values()) else 1


def run_down(_: argparse.Namespace) -> int:
    stopped = _platform().down()
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def run_clean(_: argparse.Namespace) -> int:
    platform = _platform()
    drills = Platform(folder=platform.folder / DRILLS)
    if stopped := [*platform.down(), *drills.down()]:
        say(f"stopped: {', '.join(stopped)}")
    clean.refuse_running([tools_folder(), platform.folder])
    return 0


def run_doctor(_: argparse.Namespace) -> int:
    from lab.doctor.run import run  # noqa: PLC0415 (the import of the Kubernetes client takes a second)

    return run()


def run_deps(_: argparse.Namespace) -> int:
    deps.download()
    return 0


def run_traffic(options: argparse.Namespace) -> int:
    url = (options.url or _platform().service_url).rstrip("/")
    report = traffic.send(
        url,
        rounds=options.rounds,
        parallel=options.parallel,
        ids=options.ids,
        prefix=options.prefix,
        rate=options.rate,
        path=options.path,
        keep_going=options.keep_going,
    )
    traffic.show(report, as_json=options.json)
    return 0 if report.complete else 130


def run_drills(options: argparse.Namespace) -> int:
    drills = read_all()
    chosen = drills if options.all else choose(drills, options.name, options.alert)
    if not chosen:
        raise LabError(f"set NAME or ALERT; names are {', '.join(drill.name for drill in drills)}")
    prepare.install(["helm", "prometheus", "alertmanager"])
    results = run_all(chosen, Settings.read().folder / DRILLS, _say_result)
    Console(width=max(Console().width, 110)).print(report.table(results))
    if options.record:
        report.record(results)
    return 1 if any(result.failures for result in results) else 0


def _say_result(result: Result) -> None:
    for failure in result.failures or ["passed"]:
        say(f"drill {result.drill.name}: {failure}")


def run_render(_: argparse.Namespace) -> int:
    yaml.safe_dump_all(_platform().render().objects, sys.stdout, sort_keys=False)
    return 0


def run_tools(options: argparse.Namespace) -> int:
    if not options.print:
        prepare.install(toolchain.PROGRAMS)
    for program in [options.print] if options.print else toolchain.PROGRAMS:
        path = toolchain.find(program)
        print(path if options.print else f"{program}: {path}")
    return 0


def run_preview(_: argparse.Namespace) -> int:
    print(preview_bundle.build())
    return 0


def run_pictures(options: argparse.Namespace) -> int:
    for path in pictures.take(_platform(), options.folder, options.range):
        print(f"{path} ({path.stat().st_size // 1024} KiB)")
    return 0
