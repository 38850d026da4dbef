"""The sampler inside the frameworks that people train with, in real processes.

What a framework does with a batch sampler is its own affair, and changes: so each is started as its users start it
(`programs/`), tells what every rank saw, and that is compared with the plan. `make integration` installs the frameworks.
"""
