"""The names of waitress that http_server depends on, most of them private: an upgrade fails here first.

After an upgrade: read waitress's changes of what fails here, adapt http_server, then this table.
"""

import ast
import importlib
import inspect
import re
import time
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
import waitress

from lab import ROOT
from storage_api import http_server
from storage_api.http_server import connection, listener, parser, response_file, threads
from storage_api.telemetry.metrics.server import ThreadPool as MeasuredPool

ATTRIBUTE = "an attribute"
NAMES = {
    "adjustments.Adjustments": {"inbuf_overflow": ATTRIBUTE},
    "buffers.ReadOnlyFileBasedBuffer": {
        "__init__": "(self, file, block_size=32768)",
        "close": "(self)",
        "file": ATTRIBUTE,
        "remain": ATTRIBUTE,
    },
    "channel.HTTPChannel": {
        "__init__": "(self, server, sock, addr, adj, map=None)",
        "_flush_outbufs_below_high_watermark": "(self)",
        "_flush_some": "(self, do_close=True)",
        "close_when_flushed": ATTRIBUTE,
        "connected": ATTRIBUTE,
        "error_task_class": ATTRIBUTE,
        "handle_close": "(self)",
        "last_activity": ATTRIBUTE,
        "outbuf_lock": ATTRIBUTE,
        "parser_class": "(adj)",
        "received": "(self, data)",
        "request": ATTRIBUTE,
        "requests": ATTRIBUTE,
        "send": "(self, data, do_close=True)",
        "send_continue": "(self)",
        "server": ATTRIBUTE,
        "socket": ATTRIBUTE,
        "task_class": ATTRIBUTE,
        "total_outbufs_len": ATTRIBUTE,
        "will_close": ATTRIBUTE,
        "writable": "(self)",
        "write_soon": "(self, data)",
    },
    "parser.HTTPRequestParser": {
        "__init__": "(self, adj)",
        "adj": ATTRIBUTE,
        "body_rcv": ATTRIBUTE,
        "chunked": ATTRIBUTE,
        "close": "(self)",
        "command": ATTRIBUTE,
        "completed": ATTRIBUTE,
        "content_length": ATTRIBUTE,
        "error": ATTRIBUTE,
        "expect_continue": ATTRIBUTE,
        "headers": ATTRIBUTE,
        "parse_header": "(self, header_plus)",
        "path": ATTRIBUTE,
        "query": ATTRIBUTE,
        "received": "(self, data)",
        "request_uri": ATTRIBUTE,
        "url_scheme": ATTRIBUTE,
        "version": ATTRIBUTE,
    },
    "receiver.ChunkedReceiver": {"buf": ATTRIBUTE, "control_line": ATTRIBUTE, "trailer": ATTRIBUTE},
    "receiver.FixedStreamReceiver": {"buf": ATTRIBUTE},
    # Body stands in for it.
    "buffers.OverflowableBuffer": {
        "__len__": "(self)",
        "append": "(self, s)",
        "close": "(self)",
        "getfile": "(self)",
    },
    "server.TcpWSGIServer": {
        "__init__": "(self, application, map=None, _start=True, _sock=None, dispatcher=None, adj=None,"
        " sockinfo=None, bind_socket=True, **kw)",
        "active_channels": ATTRIBUTE,
        "add_task": "(self, task)",
        "channel_class": ATTRIBUTE,
        "effective_port": ATTRIBUTE,
        "fix_addr": "(self, addr)",
        "handle_accept": "(self)",
        "pull_trigger": "(self)",
        "socket": ATTRIBUTE,
        "task_dispatcher": ATTRIBUTE,
        "trigger": ATTRIBUTE,
    },
    "task.ThreadedTaskDispatcher": {
        "__init__": "(self)",
        "active_count": ATTRIBUTE,
        "add_task": "(self, task)",
        "queue": ATTRIBUTE,
        "set_thread_count": "(self, count)",
        "shutdown": "(self, cancel_pending=True, timeout=5)",
        "threads": ATTRIBUTE,
    },
    "task.WSGITask": {
        "build_response_header": "(self)",
        "channel": ATTRIBUTE,
        "close_on_finish": ATTRIBUTE,
        "execute": "(self)",
        "get_environment": "(self)",
        "has_body": ATTRIBUTE,
        "request": ATTRIBUTE,
        "service": "(self)",
        "set_close_on_finish": "(self) -> None",
        "start": "(self)",
        "start_time": ATTRIBUTE,
        "version": ATTRIBUTE,
        "wrote_header": ATTRIBUTE,
    },
    "trigger.trigger": {"close": "(self)"},
    "utilities.BadRequest": {"__init__": "(self, body)", "body": ATTRIBUTE, "code": ATTRIBUTE},
    "utilities.RequestEntityTooLarge": {"__init__": "(self, body)", "code": ATTRIBUTE},
    "wasyncore.dispatcher": {"close": "(self)"},
}
"""{class: {name: signature, or ATTRIBUTE}}"""
IMPORTED = {
    "waitress": {"channel", "receiver", "server", "task", "wasyncore"},
    "waitress.adjustments": {"Adjustments"},
    "waitress.buffers": {"ReadOnlyFileBasedBuffer"},
    "waitress.channel": {"HTTPChannel"},
    "waitress.parser": {"HTTPRequestParser", "ParsingError"},
    "waitress.receiver": {"ChunkedReceiver"},
    "waitress.server": {"TcpWSGIServer"},
    "waitress.task": {"ThreadedTaskDispatcher", "WSGITask"},
    "waitress.utilities": {"BadRequest", "Error", "RequestEntityTooLarge"},
}
"""{module: names imported from it}"""
OF_MODULES = {"time", "CHUNK_EXT_RE", "ONLY_HEXDIG_RE", "dispatcher", "loop"}
"""Names of imported modules that are read or replaced there."""
OF_OTHERS = {
    *("BytesIO", "create_server", "errno", "family", "get", "getsockname", "host", "port", "run"),
    *("seek", "seekable", "select", "tell", "write"),
    "_closed",
}
"""Names that waitress has too, and that http_server uses only of other objects."""

FOLDER = Path(http_server.__file__).parent
WAITRESS = Path(waitress.__file__).parent


def trees(folder: Path) -> list[ast.Module]:
    return [ast.parse(path.read_text()) for path in sorted(folder.rglob("*.py"))]


def targets(node: ast.AST) -> list[ast.expr]:
    return (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )


def members(node: ast.ClassDef) -> Iterator[str]:
    """Names that the body of a class defines."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef):
            yield child.name
        yield from (target.id for target in targets(child) if isinstance(target, ast.Name))


def attributes(tree: ast.AST, *contexts: type) -> Iterator[str]:
    """Names after a dot, where they are read (ast.Load), set (ast.Store) or both."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, contexts):
            yield node.attr


@cache
def waitress_names() -> set[str]:
    """Every name of a module, of a class or of an instance that waitress defines."""
    found = set()
    for tree in trees(WAITRESS):
        found |= set(attributes(tree, ast.Store))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found |= {node.name, *members(node)}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= {alias.asname or alias.name for alias in node.names}
            found |= {target.id for target in targets(node) if isinstance(target, ast.Name)}
    return found


def imported(tree: ast.Module) -> set[tuple[str, str]]:
    """(module, name) of each name imported from waitress; the name is empty for `import module`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {(node.module or "", alias.name) for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
    return {(module, name) for module, name in found if module.partition(".")[0] == "waitress"}


def test_the_installed_release_is_the_pinned_one():
    installed = f"waitress=={version('waitress')}"
    assert installed in (ROOT / "service/requirements.in").read_text().splitlines()
    assert f'"{installed}"' in (ROOT / "service/pyproject.toml").read_text()
    for compiled in ("service/requirements.txt", "service/requirements-traces.txt"):
        assert re.findall(r"^waitress==\S+", (ROOT / compiled).read_text(), re.M) == [installed]


@pytest.mark.parametrize(
    ("owner", "name", "shape"),
    [(owner, name, shape) for owner, names in NAMES.items() for name, shape in names.items()],
)
def test_waitress_has_each_name_that_is_used(owner, name, shape):
    module, _, class_name = owner.partition(".")
    cls = getattr(importlib.import_module(f"waitress.{module}"), class_name)
    if shape is not ATTRIBUTE:
        assert str(inspect.signature(getattr(cls, name))) == shape
        return
    ours = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "waitress"]
    assigned = {found for base in ours for found in attributes(ast.parse(inspect.getsource(base)), ast.Store)}
    assert hasattr(cls, name) or name in assigned
    assert not inspect.isfunction(getattr(cls, name, None))


def test_http_server_uses_no_other_name():
    """Searched by name alone: OF_OTHERS are the names that only objects of other libraries are asked for."""
    used = set(MeasuredPool.__annotations__)
    for tree in trees(FOLDER):
        used |= set(attributes(tree, ast.Load, ast.Store))
        used |= {name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for name in members(node)}
    of_classes = set().union(*NAMES.values())
    assert used & waitress_names() - OF_OTHERS - of_classes - OF_MODULES == set(), "not listed"
    assert (of_classes | OF_MODULES | OF_OTHERS) - used == set(), "listed and not used"


def test_http_server_imports_only_what_is_listed():
    found = set().union(*map(imported, trees(FOLDER)))
    assert found == {(module, name) for module, names in IMPORTED.items() for name in names}


def test_only_http_server_imports_waitress():
    for folder in ("service", "lab", "dashboards", "tools", "bench"):
        paths = list((ROOT / folder).rglob("*.py"))
        assert paths
        for path in paths:
            assert FOLDER in path.parents or not imported(ast.parse(path.read_text())), path


@pytest.mark.parametrize(
    "cls",
    [
        connection.Channel,
        connection.ErrorTask,
        connection.Task,
        listener.Listener,
        parser.Parser,
        response_file.ResponseFile,
        threads.ThreadPool,
    ],
)
def test_overridden_methods_take_what_waitress_passes(cls):
    for name, method in vars(cls).items():
        theirs = next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)
        if inspect.isfunction(method) and inspect.isfunction(theirs) and name != "__init__":
            assert len(inspect.signature(method).parameters) == len(inspect.signature(theirs).parameters), (
                name
            )


# --- what is replaced in its modules ----------------------------------------------------------------


def test_no_duration_comes_from_the_wall_clock():
    """A module that begins to call time.time() needs its clock replaced too, as connection.py does."""
    using = {path.stem for path in WAITRESS.glob("*.py") if "time.time()" in path.read_text()}
    assert using == {"channel", "server", "task"}
    for name in using:
        module = importlib.import_module(f"waitress.{name}")
        source = inspect.getsource(module)
        assert set(re.findall(r"\btime\.(\w+)", source)) == {"time"}
        assert module.time.time is time.monotonic


@pytest.mark.parametrize("name", ["ONLY_HEXDIG_RE", "CHUNK_EXT_RE"])
def test_the_patterns_of_chunks_end_where_the_line_ends(name):
    original = getattr(importlib.import_module("waitress.rfc7230"), name)
    assert original.pattern.endswith(b"$")
    used = getattr(importlib.import_module("waitress.receiver"), name)
    assert used.pattern == original.pattern.removesuffix(b"$") + rb"\Z"


def test_the_event_loop_takes_what_it_is_passed():
    assert (
        str(inspect.signature(waitress.wasyncore.loop))
        == "(timeout=30.0, use_poll=False, map=None, count=None)"
    )
