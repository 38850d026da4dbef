"""Whatever may come from outside, as functions of bytes: each either takes them or refuses them in one line.

    python -m tests.reliability.fuzz lists --seconds 600

`targets` are those functions, `seeds` what they begin with, `mutations` what becomes of it where atheris is not installed.
"""
