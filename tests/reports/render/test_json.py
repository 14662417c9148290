from __future__ import annotations

import io
import json
from collections import Counter

from reports.render.json import chunks, write_json
from tests.reports.render.gallery import gallery


def test_a_document_is_json_with_all_rows_and_its_schema() -> None:
    out = io.BytesIO()
    write_json(gallery(rows=700), out)
    read = json.loads(out.getvalue())
    assert read["schema"] == 1
    assert read["date"] == "2027-01-12T09:00:00Z"
    blocks = [block for section in read["sections"] for block in section["blocks"]]
    kinds = Counter(block["type"] for block in blocks)
    assert kinds["table"] == 6
    assert kinds["chart"] == 7
    table = next(block for block in blocks if block.get("id") == "AC-01.R01.members")
    assert table["row_count"] == len(table["rows"]) == 700
    assert table["rows"][0][2] == "2026-01-01T00:00:00Z"
    assert table["label"] == "Table 6"


def test_figures_carry_their_counts_and_rates_their_parts() -> None:
    read = json.loads("".join(chunks(gallery())))
    figures = next(
        block for section in read["sections"] for block in section["blocks"] if block["type"] == "key_figures"
    )["figures"]
    assert figures[-1]["value"] == {"numerator": 1194, "denominator": 1204, "percent": "99.1"}
    assert figures[0]["id"] == "AC-01.population"


def test_a_chart_carries_its_figures_and_its_text_alternative() -> None:
    read = json.loads("".join(chunks(gallery())))
    chart = next(
        block for section in read["sections"] for block in section["blocks"] if block.get("id") == "weekly"
    )
    assert chart["columns"][0] == "Week"
    assert len(chart["rows"]) == 52
    assert chart["rows"][30][1] is None
    assert "Nothing was received for 2 of 52" in chart["alternative"]
