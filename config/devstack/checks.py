"""`manage.py check-code`: linters, types, import contracts, dependencies."""


def check_code(arguments: list[str]) -> int:
    raise SystemExit("being written")
