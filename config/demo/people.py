"""The people of the demo: who signs in to the portal, and who works in the clients' AWS accounts.

All names are invented; all mail addresses lie under domains reserved for examples.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PortalLogin:
    """A login of the demo's portal.

    `role` is a code of `tenants.members.models.Role`; `clients` are the slugs of the clients where the
    person has that role (for MSSP staff: to which they are assigned); `firm` is set for an auditor.
    """

    email: str
    full_name: str
    role: str
    clients: tuple[str, ...]
    firm: str = ""


AUDIT_FIRM = "Okafor & Lind"

PORTAL_LOGINS = (
    PortalLogin("ines.marchetti@northgate.example", "Ines Marchetti", "MA", ("harbor", "larkfield")),
    PortalLogin("tomas.rhee@northgate.example", "Tomas Rhee", "AN", ("harbor", "larkfield")),
    PortalLogin("dana.whitlock@harborledger.example", "Dana Whitlock", "CA", ("harbor",)),
    PortalLogin("miles.okoro@harborledger.example", "Miles Okoro", "CO", ("harbor",)),
    PortalLogin("june.pell@harborledger.example", "June Pell", "EM", ("harbor",)),
    PortalLogin("regula.ammann@larkfield.example", "Regula Ammann", "CA", ("larkfield",)),
    PortalLogin("luca.steiner@larkfield.example", "Luca Steiner", "CO", ("larkfield",)),
    PortalLogin("petra.vogt@larkfield.example", "Petra Vogt", "EM", ("larkfield",)),
    PortalLogin("adaeze.okafor@okafor-lind.example", "Adaeze Okafor", "AU", ("harbor",), AUDIT_FIRM),
    PortalLogin("stellan.lind@okafor-lind.example", "Stellan Lind", "AU", ("larkfield",), AUDIT_FIRM),
)


@dataclass(frozen=True, slots=True)
class Tenure:
    """When something is there, as `(month, day)` of the story; None: since before it, or to its end."""

    since: tuple[int, int] | None = None
    until: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """An IAM user of a client's AWS account.

    `console` says that a password is set; `factor` that a second factor is enrolled; `key` that an access
    key is active. `group` grants the rights; `policy` is attached to the user directly.
    """

    name: str
    group: str = ""
    policy: str = ""
    console: bool = True
    factor: bool = True
    key: bool = False
    tenure: Tenure = field(default_factory=Tenure)
    # Signs in to the console now and then; a vendor's account may stand unused.
    active: bool = True


HARBOR_WORKERS = (
    Worker("miles.okoro", "PlatformAdmins", key=True),
    Worker("priya.raman", "PlatformAdmins", key=True),
    Worker("owen.fairbanks", "PlatformAdmins", key=True),
    Worker("lena.hartwig", "PlatformAdmins"),
    Worker("caleb.stroud", "PlatformAdmins", tenure=Tenure(until=(9, 20))),
    Worker("yuki.tanabe", "PlatformAdmins", tenure=Tenure(since=(4, 8))),
    Worker("rosa.delgado", "IdentityAdmins", key=True),
    Worker("henrik.dahl", "IdentityAdmins"),
    Worker("grace.mbeki", "Engineering"),
    Worker("noah.lindqvist", "Engineering"),
    Worker("sara.bennani", "Engineering"),
    Worker("theo.marchand", policy="PowerUserAccess"),
    Worker("dana.whitlock", "Auditing"),
    Worker("june.pell", "Support", factor=False),
    Worker("marcus.teague", "Support"),
    Worker("elif.aydin", "Support", factor=False),
    Worker("paul.renner", "Reporting", tenure=Tenure(until=(3, 17))),
    Worker("ivy.castellano", "Reporting"),
    Worker("ben.osei", "Reporting", factor=False, tenure=Tenure(since=(7, 6))),
    Worker(
        "bluepeak-support", policy="PowerUserAccess", factor=False, tenure=Tenure(since=(5, 6)), active=False
    ),
    Worker("svc-deploy", "Deployment", console=False, factor=False, key=True),
    Worker("svc-metrics", "Observation", console=False, factor=False, key=True),
    Worker("svc-mail", "Mailing", console=False, factor=False, key=True),
)

LARKFIELD_WORKERS = (
    Worker("luca.steiner", "Administrators"),
    Worker("nadia.frei", "Administrators", key=True),
    Worker("marco.bianchi", "Administrators", factor=False),
    Worker("praxisnet-support", policy="IAMFullAccess", factor=False),
    Worker("jonas.keller", "Developers"),
    Worker("aline.rochat", "Developers", factor=False),
    Worker("regula.ammann", "Observers"),
    Worker("sven.brunner", "Observers", factor=False, tenure=Tenure(until=(8, 14))),
    Worker("svc-pipeline", "Deployment", console=False, factor=False, key=True),
    Worker("svc-lab-import", "Import", console=False, factor=False, key=True),
)
