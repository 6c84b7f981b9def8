"""What a Prometheus has loaded, scraped and recorded."""
