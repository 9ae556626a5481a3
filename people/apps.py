from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"
    verbose_name = "People"

    def ready(self) -> None:
        # Not at the top: these modules import models, which Django loads after the app configs.
        from django.contrib.auth.signals import user_logged_in  # noqa: PLC0415

        from people import diagnosis, hooks, search  # noqa: PLC0415
        from people.models import Event  # noqa: PLC0415
        from people.operations import delegations  # noqa: PLC0415
        from people.operations.bulk import alerts  # noqa: PLC0415
        from people.operations.erasure.personal_data import PERSONAL_DATA  # noqa: PLC0415
        from people.views.offboarding import schedule_status  # noqa: PLC0415
        from people.views.overview import attention, charts, checklist  # noqa: PLC0415
        from people.views.person import guests  # noqa: PLC0415
        from people.views.reauthentication import record_authentication  # noqa: PLC0415
        from people.views.session_notes import note_sign_in  # noqa: PLC0415

        user_logged_in.connect(record_authentication)
        user_logged_in.connect(note_sign_in)
        hooks.register(
            hooks.AppHooks(
                subscriptions=[
                    hooks.Subscription(
                        "people.operations.bulk.alerts.note_deactivation",
                        alerts.check_after_deactivation,
                        [Event.Kind.PERSON_DEACTIVATED],
                    ),
                    hooks.Subscription(
                        "people.operations.delegations.end_after_departure",
                        delegations.end_after_departure,
                        [Event.Kind.PERSON_DEACTIVATED, Event.Kind.PERSON_TERMINATED],
                    ),
                ],
                causes=diagnosis.causes,
                search=search.results,
                notices=[schedule_status.notices_for, guests.notices_for],
                attention=attention.attention_items,
                setup_steps=checklist.setup_steps,
                personal_data=PERSONAL_DATA,
                counted_rows=[
                    hooks.CountedRows(
                        "people.events",
                        Event,
                        time="happened_at",
                        fields=("kind", "changes__state__from"),
                        metric=charts.metric_of,
                    )
                ],
            )
        )
