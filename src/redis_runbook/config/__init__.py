"""File, environment and options → configuration → services."""
