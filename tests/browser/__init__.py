"""Pages as Chromium shows them; skipped, with the reason, where it or playwright is missing."""
