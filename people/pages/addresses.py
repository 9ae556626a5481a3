"""Where the pages are that belong to no ModelAdmin."""

from django.urls import URLPattern, path

from people.pages.home import home

PAGES: list[URLPattern] = [
    path("home/", home, name="home"),
]
