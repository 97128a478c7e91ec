"""The files of CONTRIBUTING.md's example, which tests/test_contributing.py adds to a copy of the project and tests there."""

collect_ignore = ["loudest"]
