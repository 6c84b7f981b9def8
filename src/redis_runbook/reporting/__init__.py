"""The outputs, one module for each, all from the same record. A report never judges."""
