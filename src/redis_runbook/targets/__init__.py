"""Where the services of a run come from: live ones, containers, or embedded servers."""
