"""`python -m indexer` is `reidindex`."""

from indexer.cli import main

main()
