"""What a layout file may say, as checked models: one file a table of the TOML document.

`layout` is the whole document and composes the others; `docs/layouts.md` teaches the language.
"""
