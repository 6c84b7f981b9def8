"""Opens the services of a run: live services, containers, or embedded servers."""
