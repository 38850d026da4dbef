"""Dataset tree -> listing: which files there are, without opening one."""

from indexer.scan.listing import Listing, list_tree

__all__ = ["Listing", "list_tree"]
