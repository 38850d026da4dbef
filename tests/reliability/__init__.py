"""What may happen to an index, its tree and its users, and what may never come of it: docs/reliability.md, promise by promise."""
