"""Notifications: what has changed, in words, sent to those whom the configuration names."""
