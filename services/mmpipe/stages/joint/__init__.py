"""Stages that look at several modalities of a sample at once."""
