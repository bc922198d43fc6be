"""The service over HTTP: an OpenAI-compatible API, an API with sources, and the page."""
