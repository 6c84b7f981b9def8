"""The product's own tests."""
