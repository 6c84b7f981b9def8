"""One output a file, all from the same findings. A report never judges."""
