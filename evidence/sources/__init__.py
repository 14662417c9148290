"""One folder per vendor: bytes in, records out, each normalized or rejected with a reason; no Django inside."""
