"""What a package is built from, read from the client's schema as it stands at one ledger head."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Collate

from controls.catalogue.loader import catalogue
from controls.catalogue.models import Control, CriterionScope
from controls.exceptions.models import ControlException
from controls.results.models import Occurrence, RuleSetting
from controls.results.period import ControlResult, ProcedureResult, control_result, coverage_of
from controls.rules.language import Rule
from controls.rules.language.words import procedure_in_words
from controls.rules.registry import rule_by_id
from evidence.batches.models import Batch
from evidence.batches.raw import decode, prove, raw_record
from evidence.coverage.states import DayState
from evidence.inventory.models import Account, Snapshot
from evidence.ledger.models import Checkpoint, LedgerEntry
from evidence.ledger.note import Head, parse_head, split_note
from evidence.ledger.services import leaf_hashes, listed_keys
from evidence.ledger.tree import Tree
from evidence.sources.registry import adapter
from reports.packages.bundle import EventEvidence, LedgerPart
from reports.packages.rows import ControlRow, CoverageRow, CriterionRow, ExceptionRow, TestRow
from reports.populations.canonical import Member, Result, end_of_day
from reports.populations.ipe import Sheet, TieOut
from tenants.clients.period import Period
from tenants.members.models import User

COUNTED = ("pass", "fail", "unknown")
# A failed or unknown member's raw record goes into the bundle with its proof; of more than this many per
# procedure the first are taken, in order of time.
EVIDENCE_LIMIT = 200


@dataclass
class Gathered:
    """One client over one period, as known at `head`. For a Type I the period is the as-of date alone."""

    period: Period
    head: Head
    note: str

    @cached_property
    def coverage(self) -> dict[str, list[DayState]]:
        """Day states by stream."""
        return coverage_of(self.period, at=self.head.time)

    @cached_property
    def controls(self) -> list[ControlResult]:
        """Every control that serves a criterion in scope, with what its procedures came to."""
        inside = [row.criterion for row in self.criteria if row.in_scope]
        controls = self._controls_serving(inside).prefetch_related("procedures")
        return [control_result(c, self.period, at=self.head.time, coverage=self.coverage) for c in controls]

    @cached_property
    def criteria(self) -> list[CriterionRow]:
        """The 61 criteria with their scope and the controls that serve each."""
        serving: dict[str, list[str]] = {}
        inside = [scope.criterion for scope in CriterionScope.objects.filter(in_scope=True)]
        for pk, criteria in self._controls_serving(inside).values_list("pk", "criteria"):
            for criterion in criteria:
                serving.setdefault(criterion, []).append(pk)
        scopes = {scope.criterion: scope for scope in CriterionScope.objects.all()}
        return [
            CriterionRow(
                criterion=criterion.id,
                title=criterion.title,
                in_scope=scopes[criterion.id].in_scope,
                controls=tuple(serving.get(criterion.id, ())),
                reason=scopes[criterion.id].reason,
                approver=self.person(scopes[criterion.id].approver),
            )
            for criterion in catalogue().criteria.values()
            if criterion.id in scopes
        ]

    @staticmethod
    def _controls_serving(criteria: Sequence[str]) -> QuerySet[Control]:
        living = Control.objects.exclude(status=Control.Status.RETIRED)
        return living.filter(criteria__overlap=list(criteria)).order_by("pk")

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories that have a criterion in scope."""
        made = catalogue()
        inside = {made.criteria[row.criterion].category for row in self.criteria if row.in_scope}
        return tuple(name for letters, name in made.categories.items() if letters in inside)

    @cached_property
    def people(self) -> dict[UUID, str]:
        """Names of people by id, for those that rows name."""
        return {user.pk: str(user) for user in User.objects.filter(memberships__client=connection.tenant)}

    def person(self, key: UUID | None) -> str:
        """A person's name; an id of nobody known stays an id."""
        return "" if key is None else self.people.get(key, str(key))

    def coverage_rows(self) -> Iterator[CoverageRow]:
        """One row per stream and day."""
        for days in self.coverage.values():
            for day in days:
                yield CoverageRow(
                    source=day.source,
                    local_date=day.local_date,
                    state=day.state.value,
                    events=day.events,
                    records=day.records,
                    duplicates=day.duplicates,
                    rejected=day.rejected,
                    hours_lost=Decimal(day.hours_lost) if day.hours_lost else None,
                )

    def control_rows(self) -> Iterator[ControlRow]:
        """The control versions in force in the period."""
        for result in self.controls:
            control = result.control
            yield ControlRow(
                control=control.pk,
                version=str(control.version),
                begins=control.version_from,
                ends=None,
                statement=control.statement,
                criteria=tuple(control.criteria),
                owner=self.person(control.owner) or control.owner_function,
                frequency=control.frequency,
                nature=control.nature,
                key=control.key,
                design_reviewed=control.design_reviewed,
                in_operation_from=control.in_operation_from,
                status=control.status,
            )

    def tested(self, *, kind: int) -> Iterator[tuple[Control, ProcedureResult]]:
        """The procedures that have a population. A Type I tests state and design only."""
        for result in self.controls:
            for procedure in result.procedures:
                if procedure.days and (kind == 2 or procedure.kind == "state"):
                    yield result.control, procedure

    def test_rows(self, *, kind: int) -> Iterator[TestRow]:
        """One row per procedure; what was not tested says why."""
        for result in self.controls:
            control = result.control
            for procedure in result.procedures:
                if procedure.procedure.kind == "design":
                    yield self._design_row(control)
                elif procedure.days and (kind == 2 or procedure.kind == "state"):
                    state = procedure.kind == "state"
                    yield TestRow(
                        control=control.pk,
                        version=str(control.version),
                        procedure=procedure.rule_id,
                        pid=f"{control.pk}.{procedure.rule_id}",
                        method="state" if state else "rule",
                        members=procedure.population,
                        passed=procedure.passed,
                        failed=procedure.failed,
                        unknown=procedure.unknown,
                        items=procedure.items if state else None,
                        items_failed=procedure.items_failed if state else None,
                    )
                else:
                    why = procedure.why or "a Type I tests state and design only"
                    yield TestRow(
                        control=control.pk,
                        version=str(control.version),
                        procedure=procedure.procedure.ref,
                        method=METHODS[procedure.procedure.kind],
                        not_tested=why,
                    )

    def _design_row(self, control: Control) -> TestRow:
        reviewed = control.design_reviewed
        fresh = (
            reviewed is not None and reviewed <= self.period.end and (self.period.end - reviewed).days <= 365
        )
        return TestRow(
            control=control.pk,
            version=str(control.version),
            procedure="design",
            method="design",
            members=int(fresh),
            passed=int(fresh),
            not_tested="" if fresh else "no review of its design in the twelve months before is on file",
        )

    def sheet(self, control: Control, procedure: ProcedureResult) -> Sheet:
        """The IPE sheet of a procedure's population, before its rows are written."""
        rule = rule_by_id(procedure.rule_id)
        assert rule is not None
        slugs = sorted({stream.split(".")[0] for stream in procedure.sources})
        return Sheet(
            control=control.pk,
            control_version=str(control.version),
            procedure=procedure.rule_id,
            title=rule.title,
            member=_member_words(control, rule),
            frequency=control.frequency.split("+")[0],
            window=(self.period.start, self.period.end),
            zone=str(self.period.zone),
            systems=tuple(procedure.sources),
            query=QUERY,
            parameters={
                "rule": rule.id,
                "from": self.period.start.isoformat(),
                "to": self.period.end.isoformat(),
                "description": rule.description,
                "procedure": procedure_in_words(rule),
                "settings": _settings_of(rule),
            },
            adapter_versions={slug: adapter(slug).version for slug in slugs},
            rule_versions={rule.id: rule.version},
            run_by="system",
            run_at=self.head.time,
            tie_outs=self._tie_outs(procedure, slugs),
            off_days=(),
        )

    def _tie_outs(self, procedure: ProcedureResult, slugs: Sequence[str]) -> list[TieOut]:
        rows = self._occurrences(procedure).count()
        batches = Batch.objects.filter(source__slug__in=slugs, state=Batch.State.RECORDED)
        sums = batches.aggregate(r=Sum("records"), e=Sum("events"), d=Sum("duplicates"), x=Sum("rejected"))
        listings = Snapshot.objects.filter(source__slug__in=slugs).count()
        read = (sums["e"] or 0) + (sums["d"] or 0) + (sums["x"] or 0)
        return [
            TieOut("T2", rows, procedure.population, "sum of the daily tallies", "system", self.head.time),
            TieOut(
                "T5",
                sums["r"] or 0,
                read + listings,
                "events + duplicates + rejected + account listings, over all batches of the sources",
                "system",
                self.head.time,
            ),
        ]

    def _occurrences(self, procedure: ProcedureResult) -> QuerySet[Occurrence]:
        return Occurrence.objects.filter(
            rule=procedure.rule_id,
            local_date__range=(self.period.start, self.period.end),
            result__in=COUNTED,
        )

    def members(
        self, procedure: ProcedureResult, evidence: Mapping[str, str]
    ) -> Iterator[tuple[Member, Result]]:
        """The population in canonical order, each member with its judgment; streamed."""
        state = procedure.kind == "state"
        zone = str(self.period.zone)
        rows = (
            self._occurrences(procedure)
            .select_related(None)
            .order_by("local_date" if state else "time", Collate("member_id", "C"))
            .values_list(
                "member_id", "time", "local_date", "action", "actor_key", "target_key", "source__slug",
                "batch__sha256", "seq", "result", "reason", "rule_version", "judged_at", "exception__number",
                "exception__fixed_at", "exception__fix_due",
            )
        )  # fmt: skip
        for (
            member_id, time, local_date, action, actor, target, source, sha256, seq, result, reason, version,
            judged_at, exception, fixed_at, due,
        ) in rows.iterator(chunk_size=2000):  # fmt: skip
            in_time = "" if fixed_at is None else ("yes" if fixed_at <= due else "no")
            yield (
                Member(
                    occurred_at=end_of_day(local_date, zone) if state else time,
                    member_id=member_id,
                    local_date=local_date,
                    kind="account day" if state else action,
                    system=source,
                    subject=self.names.get(actor, actor),
                    object=target,
                    source=source,
                    batch_sha256=sha256,
                    seq=seq,
                ),
                Result(
                    member_id=member_id,
                    result=result,
                    reason=reason,
                    rule=procedure.rule_id,
                    rule_version=version,
                    judged_at=judged_at,
                    exception=exception or "",
                    in_time=in_time if result == "fail" else "",
                    evidence=(evidence[member_id],) if member_id in evidence else (),
                ),
            )

    @cached_property
    def names(self) -> dict[str, str]:
        """What an account is called, by its key: `name (key)`."""
        return {a.key: f"{a.name} ({a.key})" for a in Account.objects.exclude(name="") if a.name != a.key}

    def evidence(self, control: Control, procedure: ProcedureResult) -> Iterator[EventEvidence]:
        """The raw records of failed and unknown members, each with its way to a leaf of the ledger."""
        if procedure.kind == "state":
            return
        wanted = (
            self._occurrences(procedure)
            .filter(result__in=("fail", "unknown"), uid__isnull=False)
            .order_by("time", Collate("member_id", "C"))[:EVIDENCE_LIMIT]
        )
        by_batch: dict[int, list[Occurrence]] = {}
        for row in wanted:
            by_batch.setdefault(row.batch_id, []).append(row)
        leaves = dict(
            LedgerEntry.objects.filter(kind="records", ref__in=[str(pk) for pk in by_batch]).values_list(
                "ref", "seq"
            )
        )
        for batch in Batch.objects.filter(pk__in=by_batch).select_related("source").order_by("pk"):
            rows = by_batch[batch.pk]
            proven = prove(batch, [row.seq for row in rows])
            events = decode(batch, [row.seq for row in rows])
            for row in rows:
                record = proven[row.seq]
                yield EventEvidence(
                    control=control.pk,
                    criteria=tuple(control.criteria),
                    member_id=row.member_id,
                    local_date=row.local_date,
                    source=batch.source.slug,
                    batch_sha256=batch.sha256,
                    seq=row.seq,
                    raw=record.raw,
                    normalized=events[row.seq].full(),
                    records=record.records,
                    path=record.path,
                    leaf=leaves[str(batch.pk)],
                    collected_at=batch.received_to,
                    title=f"{row.action} by {self.names.get(row.actor_key, row.actor_key)}",
                )

    def agreeing(self, procedure: ProcedureResult, member_ids: Sequence[str]) -> int:
        """How many of these members are found again in the raw bytes that they name."""
        rows = self._occurrences(procedure).filter(member_id__in=list(member_ids)).select_related("batch")
        return sum(_traced(row) for row in rows)

    @cached_property
    def exceptions(self) -> list[ControlException]:
        """Opened in the period or open on any day of it, or holding a member of it."""
        period = self.period
        inside = Q(opened__lt=period.ends_before) & (Q(closed_at=None) | Q(closed_at__gte=period.begins_at))
        holding = Q(members__local_date__range=(period.start, period.end), members__result="fail")
        controls = [result.control.pk for result in self.controls]
        return list(
            ControlException.objects.filter(inside | holding, control__in=controls)
            .distinct()
            .order_by("number")
        )

    def exception_rows(self, pids: Iterable[str]) -> Iterator[ExceptionRow]:
        """The exceptions of the period, as they are now, under the same ids and words."""
        known = set(pids)
        for each in self.exceptions:
            pid = f"{each.control}.{each.rule}"
            members = each.members.filter(
                result="fail", local_date__range=(self.period.start, self.period.end)
            ).order_by("time", Collate("member_id", "C"))
            yield ExceptionRow(
                id=each.number,
                origin=each.origin,
                control=each.control,
                criteria=tuple(each.criteria),
                severity=each.severity,
                occurred_first=each.occurred_first,
                detected=each.detected,
                members=tuple(members.values_list("member_id", flat=True)),
                due=each.fix_due,
                state=each.state,
                pid=pid if pid in known else "",
                fixed_at=each.fixed_at,
                retest="good" if each.retested_at else "",
                closed_at=each.closed_at,
                accepted_until=each.accepted_until,
                accepted_by=self.person(each.accepted_by),
            )

    def ledger(self) -> LedgerPart:
        """Every leaf up to the head with its proof, every signed head with its way to this one, the keys."""
        size = self.head.size
        tree = Tree(leaf_hashes(0, size))
        heads = list(Checkpoint.objects.filter(size__lte=size).order_by("size"))
        entries = LedgerEntry.objects.filter(seq__lt=size).order_by("seq").values_list("seq", "leaf")
        return LedgerPart(
            leaves=(
                (seq, bytes(leaf), tree.inclusion(seq)) for seq, leaf in entries.iterator(chunk_size=2000)
            ),
            checkpoints=[head.note for head in heads],
            proofs=[(h.size, bytes(h.root), tree.consistency(h.size, size)) for h in heads if h.size < size],
            keys=listed_keys(),
        )


def _traced(row: Occurrence) -> bool:
    """Whether the raw record that a member names is that event, or the listing that has that account."""
    if row.uid is None:
        return row.actor_key.encode() in raw_record(row.batch, row.seq)
    event = decode(row.batch, [row.seq]).get(row.seq)
    return event is not None and (event.uid, event.time) == (bytes(row.uid), row.time)


METHODS = {
    "rule": "rule",
    "state": "state",
    "obl": "obligation",
    "rec": "reconciliation",
    "insp": "inspection",
}

QUERY = (
    "SELECT member_id, time, local_date, action, actor_key, target_key, source, batch, seq FROM occurrence"
    " WHERE rule = :rule AND local_date BETWEEN :from AND :to AND result IN ('pass', 'fail', 'unknown')"
)


def at_head(period: Period, checkpoint: Checkpoint) -> Gathered:
    """Return the client over a period as known at a signed head."""
    text, _ = split_note(checkpoint.note)
    return Gathered(period, parse_head(text), checkpoint.note)


def _member_words(control: Control, rule: Rule) -> str:
    """What one member is, in the words of the control's template: `privileged sign-ins`."""
    if rule.kind == "state" and rule.state:
        return f"{rule.state['item']}s of each day's listing"
    template = catalogue().templates.get(control.pk)
    return template.population if template else "members"


def _settings_of(rule: Rule) -> list[dict[str, object]]:
    """The client's own values of a rule's settings, oldest first; defaults stand in the rule file."""
    rows = RuleSetting.objects.filter(rule=rule.id).order_by("valid_from")
    return [
        {"from": row.valid_from.isoformat(), "enabled": row.enabled, "values": row.values} for row in rows
    ]
