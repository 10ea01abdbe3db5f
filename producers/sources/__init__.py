"""Where can input come from: one file per format, each a time-ordered iterator of records."""
