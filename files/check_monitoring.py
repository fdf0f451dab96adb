"""`helm test`: the monitoring has what the release brought. Argument: prometheus, alertmanager or grafana.

Reads URL, the server's address; EXPECTED, what must be there, as JSON; USERNAME and PASSWORD for Grafana.
What is missing is looked for again for SECONDS (180): an operator and a sidecar take their time.
"""

import base64
import json
import os
import sys
import time
import urllib.request

URL = os.environ["URL"].rstrip("/")
EXPECTED = json.loads(os.environ["EXPECTED"])
SECONDS = int(os.environ.get("SECONDS", "180"))


def get(path):
    """The JSON at a path; raises OSError."""
    request = urllib.request.Request(URL + path)  # noqa: S310 (the chart's own address)
    if "USERNAME" in os.environ:
        account = f"{os.environ['USERNAME']}:{os.environ['PASSWORD']}"
        request.add_header("Authorization", "Basic " + base64.b64encode(account.encode()).decode())
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def prometheus():
    """Our targets are up, our rules loaded and healthy."""
    # Prometheus in agent mode has no rules to ask for.
    groups = get("/api/v1/rules")["data"]["groups"] if EXPECTED["rules"] else []
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    for name in EXPECTED["rules"]:
        yield health.get(name) == "ok", f"rule {name}: {health.get(name, 'not loaded')}"
    if EXPECTED["job"]:
        ours = {"namespace": EXPECTED["namespace"], "job": EXPECTED["job"]}
        targets = [
            target
            for target in get("/api/v1/targets?state=active")["data"]["activeTargets"]
            if ours.items() <= target["labels"].items()
        ]
        yield bool(targets), f"targets of {EXPECTED['namespace']}/{EXPECTED['job']}: {len(targets)}"
        for target in targets:
            line = f"target {target['scrapeUrl']}: {target['health']} {target['lastError']}"
            yield target["health"] == "up", line.rstrip()


def alertmanager():
    """Our receivers are there, and a route leads to each."""
    config = get("/api/v2/status")["config"]["original"]
    routes = [line.partition("receiver:")[2] for line in config.splitlines() if "receiver:" in line]
    routed = {route.strip(" \"'") for route in routes}
    known = {receiver["name"] for receiver in get("/api/v2/receivers")}
    for name in EXPECTED["receivers"]:
        yield name in known, f"receiver {name}: {'there' if name in known else 'missing'}"
        yield name in routed, f"route to {name}: {'there' if name in routed else 'missing'}"


def grafana():
    """Our dashboards are served by their uid, in their folder."""
    found = {each["uid"]: each.get("folderTitle") for each in get("/api/search?type=dash-db&limit=5000")}
    for uid, folder in EXPECTED["dashboards"].items():
        yield found.get(uid) == folder, f"dashboard {uid}: in folder {found.get(uid)}, expected {folder}"


def main():
    check = {"prometheus": prometheus, "alertmanager": alertmanager, "grafana": grafana}[sys.argv[1]]
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            found = list(check())
        except OSError as error:
            found = [(False, f"{URL}: {error}")]
        if all(fits for fits, _ in found) or time.monotonic() > deadline:
            break
        time.sleep(2)
    for fits, line in found:
        print("ok    " if fits else "FAILED", line)
    sys.exit(not all(fits for fits, _ in found))


main()
