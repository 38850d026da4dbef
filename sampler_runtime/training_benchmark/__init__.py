"""A dataset with an index -> what each habit of training code costs, measured on this machine: `reidindex bench train`.

`switches` says what is compared, `old_way` draws batches as training code without an index does, `model` is the small network,
`loop` trains it once with some of the switches on, `table` runs the loop in turns and sums up. Prints nothing.
"""
