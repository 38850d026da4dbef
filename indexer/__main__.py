"""`python -m indexer` is `reidindex`."""

from indexer.cli import main

if __name__ == "__main__":  # processes that a probe starts import this file too
    main()
