"""Answers about one person as data: who it is, what it did, why; read without Spark."""
