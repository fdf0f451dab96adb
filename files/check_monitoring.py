"""`helm test`: check that the monitoring has loaded what the release installed.

Argument: prometheus, alertmanager or grafana. Environment: URL, the server's address; EXPECTED, what it must
have, as JSON; USERNAME and PASSWORD for Grafana; SECONDS (180), how long to retry, because the operator and
the sidecars need time. Prints one line per check, and exits with 1 if any of them failed.
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
    """Return the JSON at a path; raises OSError."""
    request = urllib.request.Request(URL + path)  # noqa: S310 (an address from the chart)
    if "USERNAME" in os.environ:
        account = f"{os.environ['USERNAME']}:{os.environ['PASSWORD']}"
        request.add_header("Authorization", "Basic " + base64.b64encode(account.encode()).decode())
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def prometheus():
    """Check that our targets are up, and that our rules are loaded and healthy."""
    # Prometheus in agent mode has no API for rules.
    groups = get("/api/v1/rules")["data"]["groups"] if EXPECTED["groups"] else []
    for name, number in EXPECTED["groups"].items():
        # Another release may have a group of the same name.
        found = [group for group in groups if group["name"] == name and len(group["rules"]) == number]
        missing = [f"not loaded with {number} rules"]
        faults = min((faults_of(group) for group in found), key=len, default=missing)
        yield not faults, f"rule group {name}: {'; '.join(faults) or f'{number} rules ok'}"
    if EXPECTED["job"]:
        ours = {"namespace": EXPECTED["namespace"], "job": EXPECTED["job"]}
        targets = [
            target
            for target in get("/api/v1/targets?state=active")["data"]["activeTargets"]
            if ours.items() <= target["labels"].items()
        ]
        yield bool(targets), f"targets of {EXPECTED['namespace']}/{EXPECTED['job']}: {len(targets)} found"
        for target in targets:
            line = f"target {target['scrapeUrl']}: {target['health']} {target['lastError']}"
            yield target["health"] == "up", line.rstrip()


def faults_of(group):
    """Return what is wrong with the rules of a group, a text for each."""
    # A group with a long interval may have had no turn yet.
    allowed = ("ok",) if group["interval"] <= 60 else ("ok", "unknown")
    return [
        f"{rule['name']} is {rule['health']} {rule.get('lastError', '')}".rstrip()
        for rule in group["rules"]
        if rule["health"] not in allowed
    ]


def alertmanager():
    """Check that our receivers are configured, and that a route leads to each of them."""
    config = get("/api/v2/status")["config"]["original"]
    routes = [line.partition("receiver:")[2] for line in config.splitlines() if "receiver:" in line]
    routed = {route.strip(" \"'") for route in routes}
    known = {receiver["name"] for receiver in get("/api/v2/receivers")}
    for name in EXPECTED["receivers"]:
        yield name in known, f"receiver {name}: {'found' if name in known else 'missing'}"
        yield name in routed, f"route to {name}: {'found' if name in routed else 'missing'}"


def grafana():
    """Check that our dashboards exist, each in its folder."""
    found = {each["uid"]: each.get("folderTitle") for each in get("/api/search?type=dash-db&limit=5000")}
    for uid, folder in EXPECTED["dashboards"].items():
        place = f"in folder {found[uid]}, expected {folder}" if uid in found else "missing"
        yield found.get(uid) == folder, f"dashboard {uid}: {place}"


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
