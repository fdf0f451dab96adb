"""Load generator for a pod: sends requests until its standard input ends, then prints totals as JSON.

    python -c "$(cat hammer.py)" URL WORKERS PAUSE_SECONDS

Each worker alternately stores its own object and reads it back; a GET that returns other bytes counts as
wrong. Half of the workers open a connection per request, the others keep theirs until the server closes it.
Requests are never retried, so every failure is counted.
"""

import collections
import http.client
import json
import sys
import threading
import time
import urllib.parse

LIMIT_SECONDS = 240

url = urllib.parse.urlsplit(sys.argv[1])
workers, pause = int(sys.argv[2]), float(sys.argv[3])
stop = threading.Event()


class Worker(threading.Thread):
    def __init__(self, number):
        super().__init__()
        self.number = number
        self.keeps = number % 2 == 1
        self.answers = collections.Counter()
        self.failures = collections.Counter()
        self.wrong = 0
        self.slowest = 0.0
        self.stored = None

    def run(self):
        connection = None
        turn = 0
        while not stop.is_set():
            if connection is None:
                connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
            closing = self.exchange(connection, turn)
            if closing or not self.keeps:
                connection.close()
                connection = None
            turn += 1
            stop.wait(pause)

    def exchange(self, connection, turn):
        """Send one request; returns True if the connection must be closed."""
        method = "GET" if turn % 2 else "PUT"
        body = f"{self.number} {turn}".encode() if method == "PUT" else None
        began = time.monotonic()
        try:
            connection.request(method, f"/api/buckets/{self.number}", body)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.failures[f"{method} {type(error).__name__}: {error}"] += 1
            self.stored = None  # a PUT without a response may or may not have been stored
            return True
        self.answers[f"{method} {response.status}"] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)
        if method == "PUT":
            self.stored = body if response.status == 200 else None
        elif response.status == 200 and self.stored is not None:
            self.wrong += content != self.stored
        return response.will_close


threads = [Worker(number) for number in range(workers)]
began = time.monotonic()
for thread in threads:
    thread.start()
print("started", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
stop.wait(LIMIT_SECONDS)
stop.set()
for thread in threads:
    thread.join()
print(
    json.dumps(
        {
            "answers": sum((t.answers for t in threads), collections.Counter()),
            "failures": sum((t.failures for t in threads), collections.Counter()),
            "wrong": sum(t.wrong for t in threads),
            "slowest": max(t.slowest for t in threads),
            "seconds": time.monotonic() - began,
        }
    )
)
