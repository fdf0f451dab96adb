"""`helm test`: store, read and delete an object through the Service.

Environment: API and METRICS, the URLs of both ports; OBJECT_BYTES, the size of the object; TOKENS_FILE, if
the API requires a token. Prints one line per request, and exits with a message at the first unexpected
response.
"""

import os
import pathlib
import sys
import time
import urllib.error
import urllib.request
import uuid

API, METRICS = os.environ["API"], os.environ["METRICS"]
TOKENS_FILE = os.environ.get("TOKENS_FILE")
DEADLINE = time.monotonic() + 60


def authorization():
    """Return the header with the first token, or no header if the API requires none."""
    if TOKENS_FILE is None:
        return {}
    tokens = pathlib.Path(TOKENS_FILE).read_text(encoding="utf-8").split()
    return {"Authorization": f"Bearer {tokens[0]}"}


def call(method, url, body, headers):
    """Return the status and the body; retries for a minute while the server is unreachable."""
    while True:
        try:
            request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 (our Service)
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            if time.monotonic() > DEADLINE:
                sys.exit(f"FAILED {method} {url}: {error}")
            time.sleep(1)


def expect(method, path, status, body=None, *, address=API, headers=None):
    """Return the response's body; exits if the status is not the expected one."""
    found, content = call(method, address + path, body, TOKEN if headers is None else headers)
    if found != status:
        sys.exit(f"FAILED {method} {path}: status {found} instead of {status}: {content[:200]!r}")
    print(f"ok {method} {path}: {found}")
    return content


TOKEN = authorization()
bucket = f"/api/buckets/helm-test-{uuid.uuid4()}"
content = os.urandom(int(os.environ["OBJECT_BYTES"]))
expect("GET", "/readyz", 200)
expect("GET", bucket, 404)
expect("PUT", bucket, 200, content)
if expect("GET", bucket, 200) != content:
    sys.exit(f"FAILED GET {bucket}: the bytes are not those that were stored")
expect("DELETE", bucket, 200)
expect("GET", bucket, 404)
if TOKEN:
    expect("GET", bucket, 401, headers={})
if METRICS != API:
    expect("GET", "/api/metrics", 404)
if b"storage_build_info" not in expect("GET", "/api/metrics", 200, address=METRICS, headers={}):
    sys.exit("FAILED GET /api/metrics: the metric storage_build_info is missing")
