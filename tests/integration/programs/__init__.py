"""One program a framework: what each rank saw, as JSON. Started by the tests, in processes of their own."""
