"""The manifest of a bundle (docs/formats/bundle.md lists its keys)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from evidence.ledger.leaf import rfc3339
from reports.packages.archive import StoredFile
from reports.packages.terms import Terms

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "ledger/manifest.sig"


def manifest(
    terms: Terms, files: Iterable[StoredFile], criteria: Iterable[str], figures: Mapping[str, int]
) -> dict[str, Any]:
    """The manifest's content over files in path order; itself and its signature are left out of them."""
    head, former, earlier = terms.head, terms.supersedes, terms.consistent_with
    span: dict[str, Any] = {"as_of": terms.first.isoformat()} if terms.kind == 1 else {
        "period": {"from": terms.first.isoformat(), "to": terms.last.isoformat()}
    }  # fmt: skip
    return {
        "v": 1,
        "bundle": terms.bundle,
        "type": terms.kind,
        "version": terms.version,
        "supersedes": former and {
            "bundle": former.bundle, "version": former.version, "manifest_sha256": former.manifest_sha256,
        },
        "client": {"uuid": str(terms.client), "slug": terms.slug, "name": terms.client_name},
        "engagement": None if terms.engagement is None else str(terms.engagement),
        **span,
        "zone": terms.zone,
        "categories": list(terms.categories),
        "criteria": list(criteria),
        "status": terms.status,
        "issued_at": rfc3339(head.time),
        "issued_by": terms.issued_by,
        "builder": {
            "version": terms.builder_version, "catalogue": terms.catalogue,
            "rules_sha256": terms.rules_sha256,
        },
        "ledger": {
            "size": head.size,
            "root": head.root.hex(),
            "consistent_with": earlier and {"size": earlier[0], "root": earlier[1].hex()},
        },
        "figures": dict(figures),
        "files": [stored.to_json() for stored in files if stored.path not in (MANIFEST, SIGNATURE)],
    }  # fmt: skip
