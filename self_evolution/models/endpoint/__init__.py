"""Models behind an address that speaks the API of OpenAI."""
