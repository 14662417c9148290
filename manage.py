#!/usr/bin/env python3
"""Proofline's only command: makes its own environment on a bare machine, then is Django's."""

# This file is also read by Pythons that are too old for the rest: keep to what Python 2.7 can compile.
import sys

if __name__ == "__main__":
    if not ((3, 11) <= sys.version_info[:2] <= (3, 13)):
        # A plain module of two functions that any Python can compile as well.
        import config.devstack.interpreter as interpreter

        sys.stderr.write(interpreter.refusal(sys.version_info) + "\n")
        sys.exit(2)

    from config.devstack.commands import main

    sys.exit(main(sys.argv))
