"""People who sign in, and where each of them may be."""

import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from tenants.history.tracking import tracked


class Role(models.TextChoices):
    """The six roles of the policy table (`tenants.access.policy`), by its column names."""

    MSSP_ADMIN = "MA", "MSSP administrator"
    MSSP_ANALYST = "AN", "MSSP analyst"
    CLIENT_ADMIN = "CA", "Client administrator"
    CONTROL_OWNER = "CO", "Control owner"
    EMPLOYEE = "EM", "Employee"
    AUDITOR = "AU", "Auditor"


MSSP_ROLES = frozenset({Role.MSSP_ADMIN, Role.MSSP_ANALYST})
# Who must have a second factor before any page but the enrollment answers (design §5).
MFA_ROLES = frozenset({Role.MSSP_ADMIN, Role.MSSP_ANALYST, Role.CLIENT_ADMIN, Role.AUDITOR})


class Users(BaseUserManager["User"]):
    """Makes users whose mail address is their only name."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Return a new saved user; without a password the account cannot sign in by password."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """One person, once, whatever clients they belong to.

    The key is a UUID because rows of client schemas name people by it without a foreign key.
    `scim_id` and `scim_external_id` are what a SCIM provider calls this person; empty until one does.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    full_name = models.CharField(max_length=150)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    scim_id = models.CharField(max_length=254, null=True, blank=True)
    scim_external_id = models.CharField(max_length=254, null=True, blank=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["full_name"]

    objects = Users()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique"),
            models.UniqueConstraint("scim_id", name="user_scim_id_unique"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email


@tracked("role", name="user", client="client")
class Membership(models.Model):
    """A role at one client, or (without a client) at the MSSP."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    client = models.ForeignKey(
        "tenants.Client", on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    role = models.CharField(max_length=2, choices=Role.choices)
    active = models.BooleanField(default=True)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("user", "client", name="membership_once_per_client"),
            models.UniqueConstraint(
                "user", condition=models.Q(client__isnull=True), name="membership_once_at_mssp"
            ),
            models.CheckConstraint(
                condition=models.Q(client__isnull=True, role__in=["MA", "AN"])
                | models.Q(client__isnull=False, role__in=["CA", "CO", "EM"]),
                name="membership_role_fits_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_role_display()}"

    @property
    def needs_second_factor(self) -> bool:
        """Whether the role asks for one."""
        return self.role in MFA_ROLES


@tracked("assignment", name="user", client="client")
class Assignment(models.Model):
    """An MSSP member works for this client: without one, the client does not exist for them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="assignments")
    client = models.ForeignKey("tenants.Client", on_delete=models.CASCADE, related_name="assignments")
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint("user", "client", name="assignment_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.client}"
