"""How often somebody asked the API lately."""

from django.db import models


class ApiUse(models.Model):
    """Requests of one person or token within the present minute. Unlogged: a crash may forget it."""

    who = models.CharField(max_length=45, primary_key=True)
    minute = models.BigIntegerField()
    requests = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.who}: {self.requests}"
