"""The file-system broker, so that a worker never takes a message that is still being written.

kombu's own makes the file under its final name and then writes it; a worker that looks in between reads nothing, cannot
parse it and stops, and the message is lost. Here the file gets its name when it is whole.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """kombu's, but for how a message is put."""

    # kombu itself calls the second parameter by two names.
    def _put(self, queue: Any, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        # No queue is called so, and nobody takes it.
        unfinished = folder / f"{name}.unfinished"
        try:
            unfinished.write_bytes(str_to_bytes(dumps(payload)))
            unfinished.replace(folder / name)
        except OSError as error:
            raise ChannelError(f"The message {name} cannot be put into {folder}: {error}") from error


class Transport(filesystem.Transport):
    """`filesystem://` of this project; `config.celery` puts it in the place of kombu's."""

    Channel = Channel
