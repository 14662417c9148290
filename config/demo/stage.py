"""One client's account on one day: who can be called up, and where records are put down."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from config.demo.accounts import DemoClient
from config.demo.aws import Caller, Ids, Record, role_session, service_caller, user_identity, user_session
from config.demo.aws_iam import Directory, User
from config.demo.months import Month, local_midnight

Verdict = Literal["pass", "fail", "unknown", "attached", ""]

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
BROWSERS = (
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
)
CLI = "aws-cli/2.27.49 md/awscrt#0.26.1 ua/2.1 os/macos#24.5.0 md/arch#arm64 lang/python#3.13.4"
SDK = "aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.4 md/GOOS#linux md/GOARCH#amd64"
BOTO = "Boto3/1.38.46 md/Botocore#1.38.46 ua/2.1 os/linux#6.1.141 md/arch#x86_64 lang/python#3.12.11"
CONSOLE_AGENT = "AWS Internal"


class Emitted(NamedTuple):
    """One record of the story.

    `verdict` is what the privileged sign-in test must say of it: `attached` is a second record of an
    occurrence that another record counts for, empty is no member. `late` holds a record back from its
    day's delivery; `damaged` says that it was first delivered without its time.
    """

    at: datetime
    region: str
    verdict: Verdict
    record: Record
    late: bool = False
    damaged: bool = False


@dataclass(slots=True)
class Stage:
    """A day of one client: its random stream, its clock, its callers, and the records put down so far."""

    client: DemoClient
    directory: Directory
    month: Month
    day: date
    zone: ZoneInfo
    ids: Ids
    midnight: datetime
    records: list[Emitted]

    @classmethod
    def open(cls, client: DemoClient, directory: Directory, month: Month, day: date, seed: int) -> "Stage":
        """Return the stage of one day; its random stream depends on the day and nothing before it."""
        zone = ZoneInfo(client.zone)
        random = Random(f"{seed}/{client.slug}/{day.isoformat()}")
        return cls(client, directory, month, day, zone, Ids(random), local_midnight(day, zone), [])

    @property
    def random(self) -> Random:
        """The day's random stream."""
        return self.ids.random

    def clock(self, hour: float, spread: float = 0.0) -> datetime:
        """Return an instant of the day at about this local hour: within `spread` hours after it."""
        seconds = int((hour + self.random.random() * spread) * 3600)
        return self.midnight + timedelta(seconds=seconds)

    def put(self, at: datetime, record: Record, verdict: Verdict = "") -> None:
        """Put one record down."""
        self.records.append(Emitted(at, record["awsRegion"], verdict, record))

    def user(self, name: str) -> User:
        """Return an IAM user as it stands."""
        return self.directory.users[name]

    def mail(self, name: str) -> str:
        """Return a person's mail address, which also names the role sessions they take on."""
        return f"{name}@{self.client.domain}"

    def place(self, name: str) -> str:
        """Return the address a person works from today: the office, or a home that stays theirs."""
        own = sum(name.encode()) % 200 + 20
        if self.random.random() < 0.7:
            return f"{self.client.office}.{own % 40 + 10}"
        return f"{self.client.homes}.{own}"

    def browser(self, name: str) -> str:
        """Return the browser that this person uses."""
        return BROWSERS[sum(name.encode()) % len(BROWSERS)]

    def with_key(self, name: str, agent: str = SDK) -> Caller:
        """Return an IAM user who calls with the long-lived key."""
        user = self.user(name)
        ip = self.place(name) if user.console else f"{self.client.office}.250"
        identity = user_identity(self.client.account, name, user.principal, user.key)
        return Caller(identity, ip, agent, key=user.key)

    def in_session(self, name: str, since: datetime, *, mfa: bool, console: bool) -> Caller:
        """Return an IAM user with temporary credentials: of the console, or of `GetSessionToken`."""
        user = self.user(name)
        key = self.ids.key("ASIA", self.client.account)
        identity = user_session(self.client.account, name, user.principal, key, since=since, mfa=mfa)
        return Caller(identity, self.place(name), self.browser(name) if console else CLI, console, key)

    def in_role(
        self,
        role: str,
        session: str,
        since: datetime,
        *,
        key: str = "",
        ip: str = "",
        agent: str = BOTO,
        console: bool = False,
        instance: bool = False,
        invoked_by: str = "",
    ) -> Caller:
        """Return a session of a role; `invoked_by` names the service through which it calls."""
        key = key or self.ids.key("ASIA", self.client.account)
        identity = role_session(
            self.client.account,
            role,
            self.directory.role_id(role),
            session,
            key,
            since=since,
            path=self.directory.roles[role].path,
            instance=instance,
        )
        if invoked_by:
            host = f"{invoked_by}.amazonaws.com"
            identity["invokedBy"] = host
            return Caller(identity, host, host, False, key)
        return Caller(
            identity, ip or f"{self.client.office}.{200 + self.random.randrange(8)}", agent, console, key
        )

    def with_browser(self, identity: Record, ip: str, agent: str) -> Caller:
        """Return a caller of another kind, from a browser."""
        return Caller(identity, ip, agent)

    def service(self, name: str) -> Caller:
        """Return an AWS service that acts by itself."""
        return service_caller(name)
