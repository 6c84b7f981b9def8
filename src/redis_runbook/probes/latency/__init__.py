"""How long a client waits for replies, and how long the server took itself."""
