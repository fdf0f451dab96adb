"""`helm test`: an object makes the round trip through the Service. Reads API, the service's address."""

import os
import sys
import time
import urllib.error
import urllib.request
import uuid

API = os.environ["API"]
DEADLINE = time.monotonic() + 60


def call(method, path, body=None):
    """Status and body; a server that can't be reached yet is asked again for a minute."""
    while True:
        try:
            request = urllib.request.Request(API + path, data=body, method=method)  # noqa: S310 (our Service)
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            if time.monotonic() > DEADLINE:
                sys.exit(f"FAILED {method} {API}{path}: {error}")
            time.sleep(1)


def expect(method, path, status, body=None):
    """The answer's body; another status ends the test."""
    found, content = call(method, path, body)
    if found != status:
        sys.exit(f"FAILED {method} {path}: {found} instead of {status}: {content[:200]!r}")
    print(f"ok {method} {path}: {found}")
    return content


bucket = f"/api/buckets/helm-test-{uuid.uuid4()}"
content = os.urandom(4096)
expect("GET", "/readyz", 200)
expect("GET", bucket, 404)
expect("PUT", bucket, 200, content)
if expect("GET", bucket, 200) != content:
    sys.exit(f"FAILED GET {bucket}: other bytes than were stored")
expect("DELETE", bucket, 200)
expect("GET", bucket, 404)
if b"http_request_count_total" not in expect("GET", "/api/metrics", 200):
    sys.exit("FAILED GET /api/metrics: http_request_count_total is missing")
