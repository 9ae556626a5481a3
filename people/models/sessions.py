from typing import ClassVar

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class PersonSession(TenantOwned):
    """What a person sees of one of their sessions.

    The session itself is a row of Django, which decides whether it is valid.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=40, unique=True)
    user_agent = models.CharField(max_length=300, blank=True)
    ip = models.GenericIPAddressField(null=True)
    # The zone of the browser, which a script sends as a cookie.
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    began_at = models.DateTimeField()
    # Written every few minutes.
    last_used_at = models.DateTimeField()

    objects: ClassVar = TenantManager()

    def __str__(self) -> str:
        return f"Session of {self.person_id} since {self.began_at}"
