"""The results for people: on a terminal, as a page with plots, as a chapter of documentation."""
