"""A run as its record holds it: the same observation as that of the running graph, and all of it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from mcap.exceptions import McapError
from mcap.records import Channel, Message
from mcap.stream_reader import StreamReader
from rclpy.serialization import deserialize_message

from openmtz import files
from openmtz.nodes.observation import Observation, Observed
from openmtz.nodes.topics import Topic

CUT_OFF = (McapError, struct.error, EOFError)
"""What the reader raises at the end of a file that just ends."""


class RecordUnreadable(ValueError):
    """No record, or not one of ours; the text names the file and what helps."""


def observe_record(path: str | PathLike[str]) -> Observed:
    """Return what the record of a run shows; times [s] count from its first message.

    A record that was cut off (a process killed, a full disk) is read as far as it goes.

    Raises:
        RecordUnreadable: no such file, not an MCAP file, beyond the limits on size (`openmtz.files`), or
            nothing in it that a run leaves.
    """
    file = Path(path)
    observation = Observation()
    first: int | None = None
    heard = 0
    for topic, message in _messages(file, observation.topics):
        first = message.log_time if first is None else first
        try:
            content = deserialize_message(message.data, topic.type)
        except Exception as error:  # the bindings raise what they like on bytes of another type
            text = f"{file}: a message on {topic.name} cannot be read ({error}); was it made by this version?"
            raise RecordUnreadable(text) from error
        observation.hear(topic, content, (message.log_time - first) * 1e-9)
        heard += 1
    if not heard:
        raise RecordUnreadable(f"{file} holds no message of a treatment")
    return observation.observed


def _messages(file: Path, wanted: tuple[Topic, ...]) -> Iterator[tuple[Topic, Message]]:
    """Yield the messages of the topics wanted, in the order in which they were written."""
    names = {topic.name.lstrip("/"): topic for topic in wanted}
    channels: dict[int, Topic] = {}
    try:
        files.check_mcap(file)
        with file.open("rb") as stream:
            try:
                for record in StreamReader(stream).records:
                    if isinstance(record, Channel):
                        topic = next(
                            (t for name, t in names.items() if f"/{record.topic}".endswith(f"/{name}")), None
                        )
                        if topic is not None:
                            channels[record.id] = topic
                    elif isinstance(record, Message) and record.channel_id in channels:
                        yield channels[record.channel_id], record
            except CUT_OFF:
                return  # what was written before the end is good
    except files.UnsafeFileError as error:
        raise RecordUnreadable(f"no MCAP record that is read here: {error}") from error
    except OSError as error:
        text = f"{file}: {error.strerror or error}; a run leaves `record.mcap` in its folder"
        raise RecordUnreadable(text) from error
