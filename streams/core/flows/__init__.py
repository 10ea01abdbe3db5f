"""What follows from what happened: one file per flow of the catalogue (F09, F10, F20 ..)."""
