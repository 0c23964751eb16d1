"""Scores, tables and figures of trained models."""
