"""These scripts import what need not be installed: `tests/test_examples.py` runs them, pytest does not look into them."""

collect_ignore_glob = ["*.py"]
