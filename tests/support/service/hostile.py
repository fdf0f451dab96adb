"""Generator of malformed and malicious HTTP requests, reproducible from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

SMUGGLED = "smuggled"
"""Prefix of object ids used only by requests hidden in another request's body: none may ever be stored."""
PIPELINED = 25
"""Maximum number of requests per connection."""

CHUNKED = b"Transfer-Encoding: chunked"
METHODS = ("GET", "GET", "PUT", "HEAD", "DELETE", "OPTIONS", "POST", "PATCH", "BREW", "_OTHER")
TARGETS = (
    b"/api/buckets/1",
    b"/api/buckets/1",
    b"/api/buckets/2",
    b"/api/buckets/3",
    b"/api/buckets/",
    b"/api/buckets",
    b"/healthz",
    b"/readyz",
    b"/openapi.json",
    b"/faults",
    b"/",
    b"/none",
)
PREFIXES = (
    b"/api/buckets/",
    b"/api/buckets/",
    b"/api/buckets",
    b"/",
    b"/%2f",
    b"/api%2Fbuckets/",
    b"/faults/",
    b"/metrics/../",
    b"http://y/api/buckets/",
    b"HTTPS://[::1]:5000/",
)
PIECES = (
    b"../",
    b"..%2f",
    b"%2e%2e/",
    b"..%5c",
    b"%252e%252e%252f",
    b"%c0%ae%c0%ae/",
    b"%00",
    b"%0d%0aX-Injected:1",
    b"%0a",
    b"%c3%28",
    b"%ed%a0%80",
    b"%f4%90%80%80",
    b"%e2%80%ae",
    b"./",
    b"a//",
    b";a=b",
    b"?",
    b"\\",
    b"a",
    b"<script>",
    b"${jndi:ldap://y/}",
    b"'+OR+1=1",
    b"etc/passwd",
    b".tmp",
    b"~",
    b"|id",
    b"*",
)
BAD_TARGETS = (
    b"/api/buckets/1#2",
    b"/api/buckets/1#",
    b"http://y/api/buckets/1#2",
    b"mailto:/api/buckets/1",
    b"x:/api/buckets/1",
    b"http:/api/buckets/1",
    b"ftp://user:pw@y:99999/api/buckets/1",
    b"http://user:pw@y/api/buckets/1",
    b"http:///api/buckets/1",
    b"http://y//api/buckets/1",
    b"http://[::1/api/buckets/1",
    b"api/buckets/1",
    b"//api/buckets/1",
    b"//y//z",
    b"\\api\\buckets\\1",
    b"/api/buckets/1\t",
    b"\x01/api/buckets/1",
    b"/api/buckets/1\x7f",
    b"/api/buckets/\xc3\xa9",
    b"/api/buckets/%",
    b"/api/buckets/%zz",
    b"/api/buckets/%u002e",
    b"/api/buckets?prefix=%",
    b"*",
    b"x:443",
)
LONG_NUMBER = b"9" * 5000
QUERIES = (
    b"limit=0",
    b"limit=-1",
    b"limit=1e3",
    b"limit=%D9%A3",
    b"limit=" + LONG_NUMBER,
    b"limit=1&limit=2",
    b"limit",
    b"after=",
    b"after=x",
    b"after=%00",
    b"after=" + b"A" * 3000,
    b"prefix=%ff",
    b"prefix=%00",
    b"prefix=../",
    b"prefix=" + b"a" * 5000,
    b"prefix=a",
    b"unknown=1",
    b"&&&;;;===",
    b"=",
)
ETAGS = b", ".join(b'"%064x"' % number for number in range(100))
FIELDS = {
    b"Range": (
        b"bytes=0-",
        b"bytes=-0",
        b"bytes=-",
        b"bytes=300-",
        b"bytes=999-1000",
        b"bytes=9999999999-",
        b"bytes=1-0",
        b"bytes=" + LONG_NUMBER + b"-",
        b"bytes=-" + LONG_NUMBER,
        b"bytes=0-" + LONG_NUMBER,
        b"bytes=" + b"0-0," * 2000 + b"1-1",
        b"bytes=\xd9\xa3-",
        b"items=0-5",
        b"bytes = 0 - 5",
        b"=",
        b"bytes=0-0-0",
    ),
    b"If-Range": (b'"', b"Wed, 99 Foo 9999 99:99:99 GMT", b'W/"a"', ETAGS),
    b"If-Match": (b"*", b'"', b'"a', b"a", b"*, *", b'W/"a"', b"," * 3000, ETAGS, ETAGS + b'"', b'"\xff"'),
    b"If-None-Match": (b"*", b'"', b'W/"', b", ," * 1000, ETAGS, b"x" * 8000, b"* " * 2000 + b"x"),
    b"If-Modified-Since": (b"x", b"Mon, 01 Jan 0000 00:00:00 GMT", b"Mon, 01 Jan 99999 00:00:00 +9999"),
    b"Content-Type": (
        b"x",
        b"/",
        b"text/html; charset=" + b"x" * 5000,
        b"multipart/form-data",
        b"multipart/form-data; boundary=" + b"x" * 300,
        b"a/b; a*=utf-8''%ff; b*0=x",
        b"text/plain; charset=\xff",
        b"application/x-www-form-urlencoded",
        b"text/html, text/html",
    ),
    b"Content-Encoding": (b"gzip", b"x" * 100),
    b"Authorization": (
        b"",
        b"Bearer",
        b"Bearer \xff\xfe",
        b"Bearer " + b"A" * 5000,
        b"Basic " + b"\xff" * 9,
        b"Basic Og==",
        b"Digest username=",
        b"bearer\t\t x",
    ),
    b"traceparent": (
        b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01",
        b"ff-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01",
        b"00-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01-x",
        b"cc-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01-what the future will be like",
        b"00-" + b"A" * 32 + b"-" + b"1" * 16 + b"-01",
        b"00-" + b"1" * 32 + b"-" + b"1" * 16 + b"-ff",
        b"-" * 5000,
        b"\xff" * 55,
    ),
    b"tracestate": (b"a=" + b"b" * 5000, b"=,=", b"a=1," * 100, b"\xff=\xff"),
    b"Host": (b"y", b"y:", b"[::1]:5000", b"%41", b"a_b;c", b"x" * 5000),
    b"X-Forwarded-For": (b"127.0.0.1", b"," * 500),
    b"X-Forwarded-Host": (b"y\xff", b"y"),
    b"X-HTTP-Method-Override": (b"DELETE",),
    b"Accept": (b"*/*;q=\xff", b";;;", b"a/b;q=" + LONG_NUMBER),
    b"Accept-Encoding": (b"gzip;q=nan", b"br, gzip;q=1e999"),
    b"Cookie": (b"=" * 3000, b"a=\xff; $Path=/"),
    b"Connection": (b"upgrade", b"keep-alive, upgrade, x", b"\xff"),
    b"Upgrade": (b"h2c", b"websocket"),
    b"Expect": (b"200-maybe", b"100-continue, x", b"100-continue"),
    b"X_Underscored": (b"1",),
    b"Referer": (b"${jndi:ldap://y/}", b"\xff" * 2000),
    b"User-Agent": (b"() { :;}; echo", b"\xe2\x80\xae" * 400),
}
STATE_FIELDS = (
    b"Expect: 100-continue",
    b"Expect: 100-Continue, x",
    b"Expect: 200-maybe",
    b"Connection: TE",
    b"Connection: keep-alive, Host, Authorization",
    b"Range: bytes=1-2",
    b"Range: bytes=999-",
    b'If-Range: "none"',
    b"If-Match: *",
    b'If-Match: "none"',
    b"If-None-Match: *",
    b"If-Modified-Since: Mon, 01 Jan 2029 00:00:00 GMT",
    b"If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT",
    b"Content-Range: bytes 0-4/9",
    b"Content-Type: text/html",
    b"Content-Encoding: gzip",
    b"traceparent: 00-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01",
    b"TE: trailers",
    b"Trailer: Expect",
    b"Upgrade: h2c",
    b"Accept: text/html;q=0",
    b"Accept-Encoding: identity;q=0",
    b"Cookie: a=b",
    b"X-Forwarded-For: 127.0.0.1",
    b"X-HTTP-Method-Override: DELETE",
)
"""Fields that change the framing of a request or what it means, and leave the connection open."""
CONDITIONS = (b"Range", b"Range", b"If-Range", b"If-Match", b"If-None-Match")
PRINTABLE = bytes(byte for byte in range(0x20, 0x100) if byte != 0x7F)
BAD_HOSTS = (
    *(b"", b"y:99999999", b"[::1", b"[::g]", b"::1", b"a b", b"a,b", b"user@y", b"\xff", b"y/..", b"y#z"),
    b"y\r\nHost: y",
)
ACCEPTED = (
    b"application/openmetrics-text",
    b"application/openmetrics-text; version=9.9.9; escaping=\xff",
    b"text/plain; version=" + LONG_NUMBER,
    b",;=,;=",
)
BODIES = (
    b"x",
    b"0\r\n\r\n",
    b"\xff" * 300,
    b"[" * 20000,
    b'{"error_ratio": 1e999}',
    b'{"error_ratio": NaN}',
    b'{"error_ratio": "1"}',
    b'{"latency_seconds": -1}',
    b'{"threads": ' + LONG_NUMBER + b"}",
    b'{"store": {"store": "full"}}',
    b'{"a": 1, "a": 2}',
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n",
)
LINES = (
    b"GET",
    b"GET /",
    b"GET / ",
    b"get / HTTP/1.1",
    b"GET / HTTP/2.0",
    b"GET / HTTP/0.9",
    b"GET / HTTP/1.10",
    b"GET / http/1.1",
    b"GET / HTTP/1.1 x",
    b"GET  / HTTP/1.1",
    b"GET\t/\tHTTP/1.1",
    b"G\x00T / HTTP/1.1",
    b"G(T / HTTP/1.1",
    b"\xff / HTTP/1.1",
    b"GET / HTTP/1.1\x00",
    b"GET /\xff HTTP/1.1",
    b"GET http://[::1/ HTTP/1.1",
    b"GET x://[ HTTP/1.1",
    "GET http://\u2102\u2101/ HTTP/1.1".encode(),
    b"GET x://" + b"1" * 8000 + b" x HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0",
    b"SSH-2.0-OpenSSH_9.9",
    b"*1",
    b": : :",
)
BAD_FIELDS = (
    b"no colon",
    b": no name",
    b"Bad Name: 1",
    b"Name : 1",
    b"Na\xffme: 1",
    b"A: \x00",
    b"A: \x1b[2J",
    b"A: \x7f",
    b"A: a\nB: b",
    b"A: a\rB: b",
    b"A: a\r\n folded",
    b"A:" + b" " * 8000 + b"x",
    b"A:" + b" \t" * 4000 + b"\x01",
    b"(A): 1",
    b'"A": 1',
)
LENGTHS = (
    (CHUNKED,),
    (CHUNKED, b"Content-Length: 5"),
    (b"Content-Length: 5", b"TRANSFER-encoding: CHUNKED"),
    (b"Content-Length: 5", b"Content-Length: 6"),
    (b"Content-Length: 5, 5",),
    (b"Content-Length: -5",),
    (b"Content-Length: +5",),
    (b"Content-Length: 0x5",),
    (b"Content-Length: 5 5",),
    (b"Content-Length: 1_0",),
    (b"Content-Length: 5.0",),
    (b"Content-Length:",),
    (b"Content-Length: \xb2",),
    (b"Content-Length: " + b"9" * 30,),
    (b"Content-Length: " + LONG_NUMBER,),
    (b"Content-Length : 5",),
    (b"Transfer-Encoding: gzip",),
    (b"Transfer-Encoding: chunked, chunked",),
    (CHUNKED, CHUNKED),
    (b"Transfer-Encoding:",),
    (b"Transfer-Encoding:", b"Content-Length: 5"),
    (b"Transfer-Encoding: ,", b"Content-Length: 5"),
    (b"Transfer-Encoding: chunked, gzip",),
    (b"Transfer-Encoding: gzip, chunked",),
    (b"Transfer-Encoding: identity",),
    (b"Transfer-Encoding: xchunked",),
    (b"Transfer-Encoding: \x0bchunked",),
    (b"Transfer-Encoding: \x85chunked",),
    (b'Transfer-Encoding: "chunked"',),
    (b"Transfer-Encoding : chunked",),
    (b"Transfer-Encoding\t: chunked",),
    (b"Transfer-Encoding:\r\n chunked",),
    (b"A: a\nTransfer-Encoding: chunked",),
)
BAD_CHUNKS = (
    b"g\r\n",
    b"-5\r\nhello\r\n",
    b"+5\r\nhello\r\n",
    b"0x5\r\nhello\r\n",
    b"5 \r\nhello\r\n",
    b"5\n\r\nhello\r\n",
    b"5;a=b\n\r\nhello\r\n",
    b"0\r\nT: 1\n\n",
    b"5\r\nhello5\r\nhello\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b'5;a="\r\nhello\r\n',
    b"5;\x01\r\nhello\r\n",
    b"1_0\r\n",
    b"\xff\r\n",
)
ENDLESS_CHUNKS = (
    b"",
    b"5\r\nhel",
    b"5\r\nhello\r\n",
    b"f" * 30 + b"\r\nhello",
    b"5\nhello\n0\n\n",
    b"0\r\nT: 1\r\n",
)
LARGE_FIELDS = (
    b"A: " + b"x" * 300_000,
    b"A: 1\r\n" * 12_000 + b"B: 1",
    b"\r\n".join(b"A%d: 1" % number for number in range(6_000)),
    b"A:" + b" " * 250_000 + b"x",
    b"Authorization: Bearer " + b"x" * 60_000,
)


class Request(NamedTuple):
    """A request: the bytes to send as `data`.

    `last` marks one after which the server closes the connection or waits for more data.
    """

    method: str
    data: bytes
    last: bool = False


class Script(NamedTuple):
    """The requests sent on one connection; if `abandoned`, the client disconnects without reading."""

    requests: list[Request]
    abandoned: bool


class Generator:
    """Draws hostile requests, the same ones for the same seed.

    `authorization` is a valid Authorization header line; most requests carry it to pass authentication.
    """

    def __init__(self, seed: int, authorization: bytes) -> None:
        self._random = Random(seed)  # noqa: S311 - not for secrets
        self._authorization = authorization

    def scripts(self, requests: int) -> Iterator[Script]:
        """Yield scripts until they hold at least this many requests."""
        while requests > 0:
            script = self._script()
            requests -= len(script.requests)
            yield script

    def _script(self) -> Script:
        one = self._random.random
        requests = [self._survived() for _ in range(self._random.randrange(PIPELINED))]
        if one() < 0.5:
            requests.append(self._ended())
        else:
            requests.append(self._head("GET", b"/healthz", [b"Connection: close"], last=True))
        abandoned = requests[-1].method == "half" or one() < 0.03
        return Script(requests, abandoned)

    # --- one request ------------------------------------------------------------------------------

    def _survived(self) -> Request:
        """Draw a request that the app answers and after which the connection stays open."""
        if self._random.random() < 0.002:  # rare: each costs as much as dozens of others
            return self._head("GET", b"/metrics", [b"Accept: " + self._random.choice(ACCEPTED)])
        kind = self._random.choice(
            (
                *(self._path, self._path, self._header, self._header),
                *(self._part, self._body, self._listing, self._method, self._state),
            )
        )
        return kind()

    def _ended(self) -> Request:
        """Draw a request after which the server refuses to read on."""
        kind = self._random.choice(
            (
                *(self._line, self._field, self._framing, self._framing, self._chunks, self._half),
                *(self._large, self._target, self._host),
            )
        )
        return kind()

    def _head(
        self,
        method: str,
        target: bytes,
        fields: Sequence[bytes] = (),
        *,
        body: bytes = b"",
        version: bytes = b"HTTP/1.1",
        host: bytes = b"x",
        last: bool = False,
    ) -> Request:
        lines = [b"%s %s %s" % (method.encode("latin-1"), target, version), b"Host: " + host]
        if self._random.random() < 0.9:
            lines.append(self._authorization)
        if body:
            lines.append(b"Content-Length: %d" % len(body))
        return Request(method, b"\r\n".join([*lines, *fields, b"", b""]) + body, last)

    def _path(self) -> Request:
        choose = self._random.choice
        method = choose(METHODS)
        return self._head(method, choose(PREFIXES) + self._segment(), body=self._object(method))

    def _object(self, method: str) -> bytes:
        """A body for a PUT, so that later requests find an object to read parts of."""
        return b"0123456789" * self._random.randrange(30) if method == "PUT" else b""

    def _segment(self) -> bytes:
        choose, number = self._random.choice, self._random.randrange
        match number(6):
            case 0:
                return b"".join(choose(PIECES) for _ in range(number(1, 8)))
            case 1:
                return b"".join(b"%%%02x" % number(256) for _ in range(number(1, 20)))
            case 2:
                return bytes(number(0x26, 0x7F) for _ in range(number(1, 40)))
            case 3:
                return choose((b"a", b"%41", b"%F0%9F%98%80")) * number(1, 600)
            case 4:
                return b"%d" % number(10**6)
            case _:
                return choose(PIECES) + b"?" + b"&".join(choose(QUERIES) for _ in range(number(1, 5)))

    def _header(self) -> Request:
        choose, number = self._random.choice, self._random.randrange
        name = choose(tuple(FIELDS))
        value = choose(FIELDS[name])
        if number(4) == 0:
            value = bytes(choose(PRINTABLE) for _ in range(number(80)))
        method = choose(METHODS)
        if name == b"Host":
            return self._head(method, choose(TARGETS), body=self._object(method), host=value)
        fields = [name + b": " + value] * choose((1, 1, 1, 2, 5))
        return self._head(method, choose(TARGETS), fields, body=self._object(method))

    def _part(self) -> Request:
        """Range and conditional requests for an object that usually exists."""
        choose = self._random.choice
        method = choose(("GET", "GET", "HEAD", "PUT", "PUT", "DELETE"))
        names = [choose(CONDITIONS) for _ in range(choose((1, 1, 2)))]
        fields = [name + b": " + choose(FIELDS[name]) for name in names]
        return self._head(method, choose(TARGETS[:4]), fields, body=self._object(method))

    def _body(self) -> Request:
        """A correctly framed body of nonsense, often with a request inside, which must not be executed."""
        choose = self._random.choice
        body = choose(BODIES)
        if self._random.random() < 0.5:
            body = self._smuggled()
        if self._random.random() < 0.7:
            return self._head(choose(("PUT", "POST", "GET", "DELETE")), choose(TARGETS), body=body)
        return self._chunked("PUT", choose(TARGETS), b"A: 1", body)

    def _chunked(self, method: str, target: bytes, field: bytes, body: bytes) -> Request:
        size = self._random.randrange(1, 50)
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        chunks = b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nT: 1\r\n\r\n"
        request = self._head(method, target, [field, CHUNKED])
        return request._replace(data=request.data + chunks)

    def _listing(self) -> Request:
        query = b"&".join(self._random.choice(QUERIES) for _ in range(self._random.randrange(4)))
        return self._head("GET", b"/api/buckets?" + query)

    def _method(self) -> Request:
        choose = self._random.choice
        method = choose(("CONNECT", "TRACE", "PATCH", "PROPFIND", "PRI", "A" * 3000, "!#$%&'*+-.^_`|~0"))
        return self._head(method, choose((*TARGETS, b"http://y/api/buckets/1")))

    def _state(self) -> Request:
        """A field that changes what a request is, with or without a body; the next one is not to have it."""
        choose = self._random.choice
        method, target = choose(("GET", "PUT", "HEAD", "DELETE")), choose(TARGETS)
        field, body = choose(STATE_FIELDS), choose((b"", self._smuggled()))
        if self._random.random() < 0.5:
            return self._head(
                method, target, [field, b"Connection: keep-alive"], body=body, version=b"HTTP/1.0"
            )
        if self._random.random() < 0.5:
            return self._chunked(method, target, field, body)
        return self._head(method, target, [field], body=body)

    def _line(self) -> Request:
        line = self._random.choice(LINES)
        return Request("?", line + b"\r\nHost: x\r\n%s\r\n\r\n" % self._authorization, last=True)

    def _target(self) -> Request:
        choose = self._random.choice
        return self._head(choose(METHODS), choose(BAD_TARGETS), last=True)

    def _host(self) -> Request:
        choose = self._random.choice
        return self._head(choose(METHODS), choose(TARGETS), host=choose(BAD_HOSTS), last=True)

    def _field(self) -> Request:
        return self._head("GET", b"/api/buckets/1", [self._random.choice(BAD_FIELDS)], last=True)

    def _framing(self) -> Request:
        """Conflicting or invalid body lengths: a fooled server would execute the request that follows."""
        fields = [*self._random.choice(LENGTHS), b"Connection: keep-alive"]
        version = b"HTTP/1.0" if fields[0] == CHUNKED and len(fields) == 2 else b"HTTP/1.1"
        request = self._head("PUT", b"/api/buckets/1", fields, version=version, last=True)
        return request._replace(data=request.data + b"0\r\n\r\n" + self._smuggled())

    def _chunks(self) -> Request:
        request = self._head("PUT", b"/api/buckets/1", [CHUNKED], last=True)
        return request._replace(data=request.data + self._random.choice(BAD_CHUNKS) + self._smuggled())

    def _large(self) -> Request:
        """Headers above the size limit; rare, as each costs as much as hundreds of other requests."""
        if self._random.random() < 0.9:
            return self._line()
        fields = self._random.choice(LARGE_FIELDS)
        return self._head("GET", b"/api/buckets/1", [fields, b"Connection: close"], last=True)

    def _half(self) -> Request:
        data = self._head("PUT", b"/api/buckets/1", body=self._smuggled()).data
        data = data[: self._random.randrange(1, len(data))]
        if self._random.random() < 0.02:  # large enough to be spooled to a file
            data = self._head("PUT", b"/api/buckets/1", body=b"x" * 700_000).data[:600_000]
        elif self._random.random() < 0.5:
            data = self._head("PUT", b"/api/buckets/1", [CHUNKED]).data + self._random.choice(ENDLESS_CHUNKS)
        return Request("half", data, last=True)

    def _smuggled(self) -> bytes:
        id = b"%s-%d" % (SMUGGLED.encode(), self._random.randrange(10**9))
        fields = b"Host: x\r\n%s\r\nContent-Length: 1\r\n\r\nx" % self._authorization
        return b"PUT /api/buckets/" + id + b" HTTP/1.1\r\n" + fields
