"""The life cycle: stages of persons, the flow between them, and RFM."""
