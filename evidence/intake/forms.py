"""Giving files by upload."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile

from evidence.sources.contract import SourceContract
from evidence.sources.packing import GZIP
from evidence.sources.recognition import HEAD
from evidence.sources.registry import contract, recognize

FILES = 100
"""As many files as Django takes in one form (`DATA_UPLOAD_MAX_NUMBER_FILES`)."""


class SeveralFilesInput(forms.ClearableFileInput):
    """A file chooser for several files."""

    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """One or several files; the cleaned value is the list of them."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        """Check each file; a single complaint names the file that it is about."""
        if not data:
            raise forms.ValidationError("Choose at least one file.", code="required")
        return [super(SeveralFilesField, self).clean(each, initial) for each in data]


class UploadForm(forms.Form):
    """The files of one upload. Each must begin like a file of the source, unless the person says otherwise."""

    files = SeveralFilesField(  # type: ignore[assignment]  # a form keeps what it was given under this name too
        label="Files",
        allow_empty_file=True,
        max_length=300,
        help_text=f"One or several, at most {FILES} at once, plain or gzip, of any size your browser can send.",
    )
    anyway = forms.BooleanField(
        label="Take them although they look like something else",
        required=False,
        help_text="Every byte is kept and listed; what is no record of this source is rejected with a reason.",
    )

    def __init__(self, source: SourceContract, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._source = source
        if not self.is_bound:
            del self.fields["anyway"]

    def clean(self) -> dict[str, Any]:
        """Refuse empty files and, unless told otherwise, files of another kind: what each looks like is said."""
        cleaned = super().clean() or {}
        for each in cleaned.get("files", []):
            for complaint in self._complaints(each, anyway=bool(cleaned.get("anyway"))):
                self.add_error("files", complaint)
        return cleaned

    def _complaints(self, given: UploadedFile[Any], *, anyway: bool) -> list[str]:
        if not given.size:
            return [f"“{given.name}” is empty. Choose a file with at least one record."]
        if anyway:
            return []
        slug, _, looks = recognize(_head(given), given.name or "")
        if slug == self._source.slug:
            return []
        if slug is None:
            return [f"“{given.name}” looks like {looks}, not like {self._source.title}."]
        return [f"“{given.name}” is {contract(slug).title}: upload it under that source."]


def _head(given: UploadedFile[Any]) -> bytes:
    """Return the start of a file, packed or not, and go back to its first byte."""
    stream = cast("BinaryIO", given)
    stream.seek(0)
    head = stream.read(HEAD)
    if head.startswith(GZIP):
        # A packed file's first bytes must still unpack to a telling head.
        head += stream.read(3 * HEAD)
    stream.seek(0)
    return head
