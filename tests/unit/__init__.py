"""Pure: no server, and no process of the product."""
