"""Where the pages about SCIM are."""

from django.urls import URLPattern

PAGES: list[URLPattern] = []
