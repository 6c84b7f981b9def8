"""The container target on real Docker."""
