"""Network, file and process access; every wait and every size is bounded."""
