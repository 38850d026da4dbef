"""Samples as people see them: a batch or a person as a contact sheet, for a file, a page, a terminal or a notebook.

What is on a sheet is planned from the index alone (`sheet`, `batches`, `people`), `pictures` reads what there is to see, `arrangement` says
where it goes, and `drawing`, `page` and `terminal` put it there. Nothing here imports torch.
"""
