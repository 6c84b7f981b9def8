"""Real servers, healthy and broken."""
