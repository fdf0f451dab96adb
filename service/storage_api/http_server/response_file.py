"""`wsgi.file_wrapper`: hands a file to waitress, which then sends it without calling back into the app."""

from __future__ import annotations

from typing import BinaryIO

from waitress.buffers import ReadOnlyFileBasedBuffer

from storage_api.telemetry.exchange import OnClose


class ResponseFile(ReadOnlyFileBasedBuffer):
    """A seekable file that is the body of a response, and reports its end.

    waitress sends only this class and its subclasses by itself; it iterates over anything that wraps them.
    """

    _on_close: OnClose | None = None

    def __init__(self, file: BinaryIO, block_size: int) -> None:
        super().__init__(file, block_size)
        self._begin = file.tell()

    def when_closed(self, call: OnClose) -> None:
        """As telemetry's SentFile."""
        self._on_close = call

    def close(self) -> None:
        call, self._on_close = self._on_close, None
        if call is None:
            super().close()
            return
        complete, sent_bytes = not self.remain, 0
        error = getattr(self.file, "error", None)  # A store's file keeps the error that reading failed with.
        try:
            sent_bytes = self.file.tell() - self._begin
            super().close()
        finally:
            call(sent_bytes, complete, error)


def wrap_file(file: BinaryIO, block_size: int) -> ReadOnlyFileBasedBuffer:
    """The body of a response from `file`; waitress iterates over one that is not seekable."""
    return (ResponseFile if file.seekable() else ReadOnlyFileBasedBuffer)(file, block_size)
