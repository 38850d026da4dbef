"""Where other P×K samplers break, by measurement or by reading their code, and this one must not.

Each docstring names the project and what happens there. Asserted by plain loops over the batches that come out and the
columns of the index.
"""
