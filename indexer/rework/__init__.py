"""An index -> another index: identities dealt into new splits, several datasets as one, a part of the samples.

The way of all three: `samples_of` turns the table back into samples, a pure function makes other samples of them, and
`indexer.table` numbers and orders these as it does those of a tree. `written` puts the result beside what was told before.
"""
