"""The daily page: HTML, Markdown and CSV of the same numbers."""
