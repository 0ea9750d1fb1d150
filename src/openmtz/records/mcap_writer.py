"""The record of a run: serialised ROS 2 messages into an MCAP file, written by a thread of its own.

The file opens in Foxglove and `ros2 bag`. Chunks are small and written out every second, so a
record cut off by `kill -9` loses at most that second. Writing never blocks the caller: when the
disk cannot follow, messages are dropped, counted by topic, and the count is kept in the record.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

from mcap.writer import CompressionType, Writer

from openmtz.records.schemas import SchemaLibrary, schema_name

CHUNK_BYTES = 256 * 1024
"""Uncompressed size at which a chunk is written; a kill loses at most one."""


class RecordError(RuntimeError):
    """The record cannot be written; the text names file, cause and the nearest fix."""


class RecordWriter:
    """Write messages to a new MCAP file. Thread-safe; use as a context manager or call `close()`.

    Args:
        path: file to make; it must not exist.
        schemas: where definitions come from; the ament prefixes if omitted.
        queue_bytes: memory for messages that wait for the disk.
        flush_s: longest time [s] a message stays in memory.

    Raises:
        RecordError: the file exists or cannot be made.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        schemas: SchemaLibrary | None = None,
        queue_bytes: int = 64 * 1024 * 1024,
        flush_s: float = 1.0,
    ) -> None:
        self.path = Path(path)
        self._schemas = schemas or SchemaLibrary()
        self._limit = queue_bytes
        self._flush_s = flush_s
        self._queue: deque[tuple[int, bytes, int, int]] = deque()
        self._waiting = 0
        self._wake = threading.Condition()
        self._closing = False
        self._error: Exception | None = None
        self._texts: dict[str, str] = {}
        self._topics: dict[tuple[str, str], int] = {}
        self._written: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._attachments: list[tuple[str, str, bytes, int]] = []
        try:
            self._file = _WholeFile(self.path)
        except FileExistsError:
            raise RecordError(f"the record {self.path} exists already: choose a new folder") from None
        except OSError as error:
            raise RecordError(_explain(self.path, error)) from error
        self._thread = threading.Thread(target=self._run, name="record-writer", daemon=True)
        self._thread.start()

    # -- the caller's side -------------------------------------------------------------------
    @property
    def error(self) -> Exception | None:
        """What stopped the writing, e.g. a full disk; None while all is well."""
        return self._error

    @property
    def written(self) -> dict[str, int]:
        """Messages accepted, by topic."""
        with self._wake:
            return dict(self._written)

    @property
    def dropped(self) -> dict[str, int]:
        """Messages not recorded, by topic: the queue was full or the writing had failed."""
        with self._wake:
            return dict(self._dropped)

    def write(
        self, topic: str, type_name: str, cdr: bytes, log_time_ns: int, publish_time_ns: int | None = None
    ) -> bool:
        """Queue one serialised message; return False if it had to be dropped (counted in `dropped`).

        Raises:
            SchemaError: `type_name` (e.g. `openmtz_interfaces/msg/SafetyState`) has no definition.
            RecordError: the record is closed. ValueError: a negative time.
        """
        if type_name not in self._texts:
            self._texts[type_name] = self._schemas.full_text(type_name)
        data = bytes(cdr)
        if log_time_ns < 0 or (publish_time_ns or 0) < 0:
            raise ValueError(f"{topic}: a message time before 1970 ({log_time_ns} ns)")
        with self._wake:
            if self._closing:
                raise RecordError(f"the record {self.path} is closed")
            key = (topic, type_name)
            index = self._topics.setdefault(key, len(self._topics))
            if self._error is not None or self._waiting + len(data) > self._limit:
                self._dropped[topic] = self._dropped.get(topic, 0) + 1
                return False
            published = log_time_ns if publish_time_ns is None else publish_time_ns
            self._queue.append((index, data, log_time_ns, published))
            self._waiting += len(data)
            self._written[topic] = self._written.get(topic, 0) + 1
            self._wake.notify()
        return True

    def attach(self, name: str, media_type: str, data: bytes, log_time_ns: int = 0) -> None:
        """Keep a file (the plan, say) inside the record; written at close."""
        with self._wake:
            self._attachments.append((name, media_type, data, log_time_ns))

    def close(self, timeout_s: float = 30.0) -> None:
        """Write what waits, finish the file and close it. Calling it again does nothing.

        Raises:
            RecordError: something could not be written (what was written before stays readable), or
                the disk did not take the rest within `timeout_s` [s].
        """
        with self._wake:
            if self._closing:
                return
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise RecordError(
                f"the record {self.path} was not finished within {timeout_s:g} s: disk too slow?"
            )
        if self._error is not None:
            raise RecordError(_explain(self.path, self._error)) from self._error

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:  # the error on its way is the one to see
            with contextlib.suppress(RecordError):
                self.close()

    # -- the writer's thread -----------------------------------------------------------------
    def _run(self) -> None:
        try:
            self._write_all()
        except Exception as error:  # a thread has nobody to raise to: kept, and raised by close()
            self._error = error
            with self._wake:
                for index, *_ in self._queue:
                    topic = list(self._topics)[index][0]
                    self._dropped[topic] = self._dropped.get(topic, 0) + 1
                    self._written[topic] -= 1
                self._queue.clear()
                self._waiting = 0
            self._file.cut_to_last_record()
        finally:
            self._file.close()

    def _write_all(self) -> None:
        writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD)  # type: ignore[arg-type]
        writer.start(profile="ros2")
        channels: dict[int, int] = {}
        schema_ids: dict[str, int] = {}
        due = time.monotonic() + self._flush_s
        while True:
            with self._wake:
                if not self._queue and not self._closing:
                    self._wake.wait(max(0.0, due - time.monotonic()))
                batch, self._queue = self._queue, deque()
                closing = self._closing
                keys = list(self._topics) if batch else []
            for index, data, log_time, publish_time in batch:
                if index not in channels:
                    channels[index] = self._register(writer, keys[index], schema_ids)
                writer.add_message(channels[index], log_time, data, publish_time)
                with self._wake:
                    self._waiting -= len(data)
            if closing and not batch:
                break
            if time.monotonic() >= due:
                writer.flush()
                due = time.monotonic() + self._flush_s
        writer.flush()
        for name, media_type, blob, when in self._attachments:
            writer.add_attachment(when, when, name, media_type, blob)
        writer.add_metadata("openmtz", {"dropped": json.dumps(self._dropped, sort_keys=True)})
        writer.finish()
        self._file.sync()

    def _register(self, writer: Writer, key: tuple[str, str], schema_ids: dict[str, int]) -> int:
        topic, type_name = key
        if type_name not in schema_ids:
            text = self._texts[type_name].encode()
            schema_ids[type_name] = writer.register_schema(schema_name(type_name), "ros2msg", text)
        about = {"offered_qos_profiles": "", "ros_type": type_name}
        return writer.register_channel(topic, "cdr", schema_ids[type_name], about)


class _WholeFile:
    """An unbuffered file for the MCAP writer that writes all or raises, and knows its last good end.

    Python's own buffered file would try the bytes of a failed write again at every later flush and
    at close; here a failure is final and the half-written rest is cut off again. Every call of the
    MCAP writer holds whole MCAP records, so the end of the last good call is a clean end.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._at = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            done += os.write(self._fd, view[done:])
        self._at += done
        return done

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        """Nothing is buffered."""

    def cut_to_last_record(self) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._at)

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._fd)


def _explain(path: Path, error: Exception) -> str:
    if not isinstance(error, OSError):
        return f"the record {path} cannot be written: {type(error).__name__}: {error}"
    return (
        f"the record {path} cannot be written: {error.strerror or error}."
        " Free space there, or choose a folder on another disk with --out"
    )
