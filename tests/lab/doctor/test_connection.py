"""Why there is no cluster is said in one line, with what to do; nothing else is asked then."""

import base64
import re
import socket
from pathlib import Path

import pytest

from lab.doctor.cluster import TIMEOUT_SECONDS, Cluster, Denied
from lab.doctor.connection import Unreachable, connect
from tests.support.kubernetes_api import kubeconfig

EXPIRED = Path(__file__).with_name("expired.pem")
"""A certificate for 127.0.0.1 that was valid on one day of 2020, with its key, for this test alone."""


def refused(path: Path | str, **environment: str) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        _ = Cluster(connect({"KUBECONFIG": str(path), **environment})).version
    assert "\n" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.hint
    return caught.value


def test_a_cluster_that_answers(cluster, config):
    assert cluster.version == "v1.35.4"
    assert cluster.context == "test"
    assert cluster.server.startswith("http://127.0.0.1:")


def test_no_kubeconfig(tmp_path):
    assert f"KUBECONFIG={tmp_path}/none is not a file" in str(refused(tmp_path / "none"))


def test_no_kubeconfig_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "~/.kube/config is not a file" in str(refused(""))


def test_a_missing_file_beside_one_that_exists(config, tmp_path):
    assert Cluster(connect({"KUBECONFIG": f"{tmp_path}/none:{config}"})).version


@pytest.mark.parametrize(
    "text", ["", "[]", "42", "text", "{", "current-context: a\ncontexts: 3", "a: &a [*a]"]
)
def test_a_file_that_is_no_kubeconfig(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    assert f"the kubeconfig {path} can't be used" in str(refused(path))


def test_a_kubeconfig_that_may_not_be_read(tmp_path, monkeypatch):
    path = kubeconfig(tmp_path / "config", "http://127.0.0.1:1")

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lab.doctor.connection.load_kube_config", deny)
    assert "Permission denied" in str(refused(path))


def test_a_context_that_does_not_exist(config):
    error = refused(config, HELM_KUBECONTEXT="production")
    assert "production" in str(error)
    assert "kubectl config get-contexts" in error.hint


def test_no_current_context(config):
    config.write_text(config.read_text().replace("current-context: test", "current-context: gone"))
    assert "gone" in str(refused(config))


def test_a_certificate_file_that_is_missing(config, tmp_path):
    path = kubeconfig(
        tmp_path / "c", "https://127.0.0.1:1", **{"certificate-authority": f"{tmp_path}/no-ca.crt"}
    )
    assert "no-ca.crt" in str(refused(path))


def test_a_program_for_credentials_that_is_missing(tmp_path):
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-auth-plugin"}
    error = refused(kubeconfig(tmp_path / "c", "https://127.0.0.1:1", user={"exec": exec_}))
    assert "no-such-auth-plugin" in str(error)
    assert "PATH" in error.hint


def test_a_refused_connection(tmp_path, closed_port):
    error = refused(kubeconfig(tmp_path / "c", f"https://127.0.0.1:{closed_port}"))
    assert str(error) == f"no cluster at https://127.0.0.1:{closed_port}: the connection is refused"


def test_a_host_that_is_unknown(tmp_path):
    assert "the name of the host is unknown" in str(
        refused(kubeconfig(tmp_path / "c", "https://cluster.invalid:6443"))
    )


def test_a_server_that_accepts_and_never_answers(tmp_path, monkeypatch):
    assert max(TIMEOUT_SECONDS) <= 10
    monkeypatch.setattr("lab.doctor.cluster.TIMEOUT_SECONDS", (0.3, 0.3))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "does not answer in time" in str(refused(kubeconfig(tmp_path / "c", url)))


def test_an_expired_certificate(api, tmp_path):
    authority = {"certificate-authority-data": base64.b64encode(EXPIRED.read_bytes()).decode()}
    with api.serve(EXPIRED) as url:
        error = refused(kubeconfig(tmp_path / "c", url, **authority))
    assert "the certificate of the API server has expired" in str(error)
    assert "clock" in error.hint


def test_a_certificate_of_another_authority(api, tmp_path):
    with api.serve(EXPIRED) as url:
        assert "not signed by the kubeconfig's certificate authority" in str(
            refused(kubeconfig(tmp_path / "c", url))
        )


def test_a_server_without_tls(api, tmp_path):
    with api.serve() as url:
        error = refused(kubeconfig(tmp_path / "c", url.replace("http:", "https:")))
    assert "does not speak TLS" in str(error)


@pytest.mark.parametrize(
    ("user", "said"),
    [({"token": "old"}, "rejects the credentials of context test"), ({}, "has no credentials")],
)
def test_bad_credentials(config, user, said):
    server = Cluster(connect({"KUBECONFIG": str(config)})).server
    cluster = Cluster(connect({"KUBECONFIG": str(kubeconfig(config, server, user=user))}))
    with pytest.raises(Unreachable, match=said):
        cluster.may("list", "", "namespaces")


@pytest.mark.parametrize(
    ("path", "reply"), [("/version", (200, "<html>")), ("/version", (200, "[]")), ("/version", (404, "no"))]
)
def test_a_server_that_is_no_api_server(api, config, path, reply):
    api.replies[path] = reply
    assert "is not a Kubernetes API server" in str(refused(config))


def test_an_api_server_in_trouble(api, config):
    api.replies["/version"] = (503, '{"message": "etcd is\\ngone"}')
    assert "503 etcd is" in str(refused(config))


def test_long_collections_come_in_pages(api, cluster):
    api.page = 2
    assert len(cluster.items("/api/v1/pods")) == len(api.objects["/api/v1/pods"]) > 4


def test_what_may_not_be_read_is_named(api, cluster):
    api.forbidden = re.compile("pods$")
    with pytest.raises(Denied, match="read /api/v1/pods"):
        cluster.items("/api/v1/pods")
