from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"
    verbose_name = "People"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in  # noqa: PLC0415  apps come first

        from people.views.reauthentication import note_authentication  # noqa: PLC0415

        user_logged_in.connect(note_authentication)
