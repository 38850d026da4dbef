"""What `reidindex layouts --new` knows of trees that nobody knows.

`shapes` finds how paths are put together, `measuring` what varies in them, `words`, `identities` and `guesses` what that is;
`lists` looks into files that tell of images. `patterns` and `extras` write it down.
"""
