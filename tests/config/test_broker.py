"""The file-system broker: what can be taken is whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from config.broker import Transport

# Another process puts messages, so that this one looks while they are written.
PUTTING = """
import sys
from kombu import Connection, Exchange, Queue
from kombu.utils.imports import symbol_by_name
transport, folder = sys.argv[1:]
queue = Queue("whole", Exchange("whole"), routing_key="whole")
options = {name: f"{folder}/messages" for name in ("data_folder_in", "data_folder_out")}
options |= {"control_folder": f"{folder}/control", "store_processed": True, "processed_folder": f"{folder}/processed"}
with Connection(transport=symbol_by_name(transport), transport_options=options) as connection:
    producer = connection.Producer()
    for _ in range(300):
        producer.publish({"text": "x" * 500_000}, exchange=queue.exchange, routing_key="whole", declare=[queue])
"""


def looked_at(transport: str, folder: Path) -> tuple[int, int]:
    """How many messages were seen while they were put, and how many of these were not whole."""
    for name in ("messages", "processed"):
        (folder / name).mkdir(parents=True)
    seen = torn = 0
    with subprocess.Popen([sys.executable, "-c", PUTTING, transport, str(folder)]) as putting:
        while putting.poll() is None:
            for path in (folder / "messages").glob("*.whole.msg"):
                seen += 1
                try:
                    json.loads(path.read_text())
                except ValueError:
                    torn += 1
                path.unlink()
    assert putting.returncode == 0
    return seen, torn


@pytest.mark.slow
def test_a_message_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    seen, torn = looked_at("config.broker:Transport", tmp_path / "ours")
    assert seen > 100
    assert torn == 0
    _, torn = looked_at("kombu.transport.filesystem:Transport", tmp_path / "kombu")
    assert torn > 0, "kombu's own holds here as well: this shows nothing"


def test_the_product_sends_by_it() -> None:
    from config.celery import app

    assert app.connection_for_write().clone(hostname="filesystem://").get_transport_cls() is Transport
