"""Formats that are text: Markdown, AsciiDoc, and plain text with reStructuredText."""
