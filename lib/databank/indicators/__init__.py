"""Indicators: daily figures, retention and funnels of configuration become one table for BI."""
