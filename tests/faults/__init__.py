"""Fault tests: break or attack the running product, and check what it promises.

Each module runs alone at full size, prints one row of a Markdown table as its last line, and
exits with 1 if the promise does not hold::

    python -m tests.faults.zombies --rounds 20

`python -m tests.faults` (`make faults`) runs all of them and prints the table. To add one:

1. Write a module with a function that returns an `Outcome`, and a `main` that ends with
   `finish(outcome)`.
2. Add it to `tests.faults.__main__.FULL_SIZE`.
3. Run the same function at a small size in `test_<module>.py`, in less than 30 seconds.
"""
