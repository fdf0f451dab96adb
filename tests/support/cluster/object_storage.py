"""An S3 server in the cluster: the virtual environment's SeaweedFS, copied into a pod of our image."""

import json
import subprocess
import sys
from pathlib import Path

from lab import toolchain
from tests.support.cluster.cluster import Cluster, CommandError, Object, python_pod

WEED = Path(sys.executable).with_name("weed")
NAME = "object-storage"
BUCKET = "objects"
PORT = 8333
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "a-test-secret"}

# The pod's command waits for the program to be copied in, so that no second image is needed.
_START = f"""
import os, pathlib, time
folder = pathlib.Path("/tmp/s3")
while not (folder / "ready").exists():
    time.sleep(0.1)
(folder / "data").mkdir()
os.environ.update(HOME=str(folder), TMPDIR=str(folder))
os.execv(folder / "weed", ["weed", "server", "-filer", "-s3", "-dir=/tmp/s3/data", "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1", "-s3.ip.bind=0.0.0.0", "-s3.port={PORT}", "-s3.config=/tmp/s3/s3.json",
    "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-master.telemetry=false",
    "-master.volumeSizeLimitMB=64"])
"""
_RECEIVE = """
import pathlib, shutil, sys
folder = pathlib.Path("/tmp/s3")
folder.mkdir()
(folder / "s3.json").write_text(sys.argv[1])
with (folder / "weed").open("wb") as file:
    shutil.copyfileobj(sys.stdin.buffer, file)
if (size := (folder / "weed").stat().st_size) != int(sys.argv[2]):
    sys.exit(f"received only {size} of {sys.argv[2]} bytes")
(folder / "weed").chmod(0o755)
(folder / "ready").touch()
"""
_MAKE_BUCKET = f"""
from urllib.request import Request, urlopen
urlopen(Request("http://127.0.0.1:8888/buckets/{BUCKET}/", method="POST"), timeout=30)
"""


def start(cluster: Cluster, namespace: str, image: str) -> Object:
    """Start the S3 server with an empty bucket; returns the chart's `store` values that use it."""
    pod = python_pod(NAME, namespace, image)
    container = pod["spec"]["containers"][0]
    container["command"] = ["python", "-c", _START]
    container["readinessProbe"]["httpGet"] = {"path": "/status", "port": PORT}
    container["resources"]["limits"]["memory"] = "1Gi"
    metadata = {"name": NAME, "namespace": namespace}
    cluster.apply(
        pod,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": {"app": NAME}, "ports": [{"port": PORT}]},
        },
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": CREDENTIALS},
    )
    running = ["--for=jsonpath={.status.phase}=Running", "--timeout=60s"]
    cluster.kubectl("wait", f"pod/{NAME}", f"--namespace={namespace}", *running, seconds=70)
    _send(namespace)
    cluster.wait_ready(NAME, namespace)
    cluster.python(NAME, namespace, _MAKE_BUCKET)
    return {
        "type": "s3",
        "s3": {"bucket": BUCKET, "endpoint": f"http://{NAME}.{namespace}:{PORT}", "existingSecret": NAME},
    }


def _send(namespace: str) -> None:
    credentials = dict(zip(("accessKey", "secretKey"), CREDENTIALS.values(), strict=True))
    identity = {"name": "tests", "credentials": [credentials], "actions": ["Read", "Write", "List"]}
    inside = ["--stdin", NAME, f"--namespace={namespace}", "--", "python", "-c", _RECEIVE]
    arguments = [json.dumps({"identities": [identity]}), str(WEED.stat().st_size)]
    with WEED.open("rb") as program:
        done = subprocess.run(
            [toolchain.kubectl(), "exec", *inside, *arguments],
            stdin=program,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    if done.returncode != 0:
        raise CommandError(f"copying {WEED} into the pod {NAME} failed: {done.stderr.strip()}")
