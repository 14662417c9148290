"""`rules list` and `rules test`: read every rule file, and run the cases the rules carry. Needs no database."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from controls.rules.language import Rule, RuleErrors, compile_rules, load_rules
from controls.rules.language.cases import run_cases
from controls.rules.language.vocabulary import shipped_vocabulary
from controls.rules.shipped import FOLDER
from tenants.access.command import tooling


class Command(BaseCommand):
    """Exit code 0 when all is well, 1 when a file or a case is not, 2 when the request cannot be understood."""

    help = "List the rules, or run the cases that they carry."
    action = tooling("reads rule files, knows no client")
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare `list` and `test`."""
        actions = parser.add_subparsers(dest="action", required=True)
        for name, sentence in (
            ("list", "list every rule"),
            ("test", "run the cases of all rules, or of some"),
        ):
            action = actions.add_parser(name, help=sentence)
            action.add_argument("--json", action="store_true", help="one JSON object on standard output")
            action.add_argument(
                "--rules", type=Path, default=FOLDER, help="folder of <family>/<slug>.yml files"
            )
            if name == "test":
                action.add_argument("ids", nargs="*", metavar="ID", help="only these rules")

    def handle(self, *args: Any, action: str, rules: Path, json: bool, **options: Any) -> None:
        """Do what is asked, and end with the exit code."""
        if not rules.is_dir():
            self.refuse(f"There is no folder {rules}.")
        try:
            found = load_rules(rules)
        except RuleErrors as refused:
            self.report_errors(refused, as_json=json and action == "test")
            sys.exit(1)
        if action == "list":
            self.list_rules(found, as_json=json)
        else:
            self.test_rules(found, options["ids"], as_json=json)

    def refuse(self, sentence: str) -> None:
        """Say why the request cannot be understood, and end with 2."""
        self.stderr.write(sentence)
        sys.exit(2)

    def report_errors(self, refused: RuleErrors, *, as_json: bool) -> None:
        """Say all that is wrong with the files."""
        if as_json:
            failed = [
                {
                    "rule": None,
                    "case": None,
                    "file": e.file,
                    "line": e.line,
                    "column": e.column,
                    "sentence": e.sentence,
                }
                for e in refused.errors
            ]
            self.write_json({"rules": 0, "cases": 0, "failed": failed})
        else:
            for error in refused.errors:
                self.stderr.write(str(error))

    def list_rules(self, rules: list[Rule], *, as_json: bool) -> None:
        """List the rules with what each waits for and whether it is judged."""
        rule_set = compile_rules(rules)
        adapters = shipped_vocabulary().sources
        entries = [self.entry(rule, rule_set.unindexed, rule.waits_for(adapters)) for rule in rules]
        if as_json:
            self.write_json({"rules": entries})
            return
        for entry in entries:
            notes = [str(entry["why_not_judged"])] if not entry["judged"] else []
            notes += [f"waits for source {', '.join(entry['waits_for'])}"] if entry["waits_for"] else []
            head = (
                f"{entry['id']}  {entry['title']}  ({entry['kind']}, {entry['severity']}, {entry['version']})"
            )
            self.stdout.write(head)
            for note in notes:
                self.stdout.write(f"     {note}")

    @staticmethod
    def entry(rule: Rule, unindexed: tuple[str, ...], waits_for: tuple[str, ...]) -> dict[str, Any]:
        """Return what `rules list --json` says of a rule."""
        return {
            "id": rule.id,
            "title": rule.title,
            "family": rule.family,
            "file": rule.file,
            "version": rule.version,
            "status": rule.status,
            "kind": rule.kind,
            "consequence": rule.consequence,
            "severity": rule.severity,
            "criteria": list(rule.soc2.criteria),
            "also": list(rule.soc2.also),
            "controls": list(rule.soc2.controls),
            "sources": list(rule.sources),
            "waits_for": list(waits_for),
            "facts": list(rule.facts),
            "settings": {name: setting.default for name, setting in rule.settings.items()},
            "cases": len(rule.tests),
            "judged": rule.judged,
            "why_not_judged": rule.why_not_judged,
            # Called for every event of its sources, because no condition could be indexed (performance §4.2).
            "called_for_every_event": rule.id in unindexed,
        }

    def test_rules(self, rules: list[Rule], ids: list[str], *, as_json: bool) -> None:
        """Run the cases and end with 1 when any came out otherwise than expected."""
        known = {rule.id: rule for rule in rules}
        strangers = [name for name in ids if name not in known]
        if strangers:
            self.refuse(f"There is no rule {', '.join(strangers)}. Rules: {', '.join(known) or 'none'}.")
        chosen = [known[name] for name in dict.fromkeys(ids)] or rules
        cases, failed = run_cases(chosen)
        if as_json:
            entries = [
                {
                    "rule": failure.rule.id,
                    "case": failure.case.name,
                    "file": failure.rule.file,
                    "line": failure.case.line,
                    "column": failure.case.column,
                    "sentence": failure.sentence,
                }
                for failure in failed
            ]
            self.write_json({"rules": len(chosen), "cases": cases, "failed": entries})
        else:
            for failure in failed:
                self.stdout.write(str(failure))
            for rule in chosen:
                if not rule.judged:
                    self.stdout.write(f"{rule.id}: {len(rule.tests)} cases not run: {rule.why_not_judged}")
            self.stdout.write(f"{len(chosen)} rules, {cases} cases, {len(failed)} failed")
        if failed:
            sys.exit(1)

    def write_json(self, answer: dict[str, Any]) -> None:
        """Write one JSON object."""
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
