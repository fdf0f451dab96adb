"""Ports in use are reported with the process that holds them and the variable that changes them."""

import dataclasses
import os
import socket

import pytest

from lab.errors import LabError
from lab.ports import Ports
from lab.settings import Settings


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_free_ports_are_free_and_different():
    ports = Ports.free()
    assert len({getattr(ports, part) for part in Ports.KNOWN}) == len(Ports.KNOWN)
    for part in Ports.KNOWN:
        ports.require_free(part)


def test_a_port_in_use_is_reported_with_holder_and_variable(taken):
    ports = dataclasses.replace(Ports.free(), prometheus=taken)
    with pytest.raises(LabError) as error:
        ports.require_free("prometheus")
    assert str(error.value).startswith(f"port {taken} is in use by ")
    assert str(error.value).endswith(f" (pid {os.getpid()}); PROMETHEUS_PORT changes it")


def test_a_port_with_lingering_connections_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()
    dataclasses.replace(Ports.free(), service=port).require_free("service")


def test_the_same_port_for_two_servers_is_refused():
    with pytest.raises(LabError, match="PROMETHEUS_PORT and PORT are both 5000"):
        dataclasses.replace(Ports.free(), service=5000, prometheus=5000)


def test_the_default_settings():
    settings = Settings.read({})
    assert settings.ports == Ports(
        service=5000,
        metrics=9797,
        prometheus=9090,
        alertmanager=9093,
        grafana=3000,
        checkout=8000,
        receiver=9094,
    )
    assert settings.folder.name == ".lab"
    assert settings.value_files == ()


@pytest.mark.parametrize("value", ["0", "65536", "-1", "80 ", "0x50", "http", "5.0", "٣"])
def test_an_invalid_port_is_refused(value):
    with pytest.raises(LabError, match=r"PORT=.*: a port is a number from 1 to 65535"):
        Settings.read({"PORT": value})


def test_an_empty_port_variable_counts_as_unset(tmp_path):
    folder = {"LAB_DIR": str(tmp_path)}
    assert Settings.read({"PORT": "", "VALUES": "", **folder}) == Settings.read(folder)
    assert Settings.read({"LAB_DIR": ""}).folder == Settings.read({}).folder
