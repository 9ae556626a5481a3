"""Add two folders to the wheel that lie outside of the packages; pyproject.toml has the rest."""

from setuptools import find_packages, setup

APPS = ["ramp", "people", "scim", "provisioning"]
# ramp/settings.py looks for these two names.
FOLDERS = {"ramp._templates": "templates", "ramp._static": "static"}

setup(
    packages=[
        *find_packages(include=[*APPS, *(f"{app}.*" for app in APPS)]),
        *FOLDERS,
    ],
    package_dir=FOLDERS,
    package_data={package: ["**/*"] for package in FOLDERS},
)
