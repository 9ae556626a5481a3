"""Update docs/guides: the parts that repeat what the pages say, and the pictures.

python -m tests.guides            # the text
python -m tests.guides --pictures # the pictures as well
"""

import argparse
import os

import django

parser = argparse.ArgumentParser(prog="python -m tests.guides", description=__doc__)
parser.add_argument("--pictures", action="store_true", help="take the pictures again, too")
arguments = parser.parse_args()

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.guides import blocks, pictures  # noqa: E402  models need the settings

for guide in sorted(blocks.FOLDER.glob("*.md")):
    guide.write_text(blocks.updated(guide.read_text()))
if arguments.pictures:
    pictures.take_all(blocks.FOLDER / "pictures")
