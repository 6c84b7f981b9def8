"""Real BullMQ workers, and keys that none would have left."""
