"""What a redis_exporter says of a server, and whether it is true."""
