"""The commands of `impel`, as plain functions."""
