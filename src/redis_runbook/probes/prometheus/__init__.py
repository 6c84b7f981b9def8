"""Reads the rules, scrape targets and recorded values of a Prometheus."""
