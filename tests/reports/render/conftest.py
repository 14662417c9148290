from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pytest

from reports.blocks import Document
from reports.render.pdf import write_pdf


@pytest.fixture(scope="session")
def fonts() -> Path:
    """One folder of cut fonts for the machine's tests: cutting them takes seconds."""
    return Path(tempfile.gettempdir()) / "proofline-test-fonts"


@pytest.fixture
def printed(fonts: Path) -> Callable[[Document], bytes]:
    """Print a document."""

    def print_it(document: Document) -> bytes:
        out = io.BytesIO()
        write_pdf(document, out, fonts=fonts)
        return out.getvalue()

    return print_it


def texts(pdf: bytes) -> list[str]:
    """The text of each page."""
    opened = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_range() for page in opened]
