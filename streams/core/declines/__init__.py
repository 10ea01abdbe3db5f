"""Why did a payment fail, who can mend it, may it be tried again, and what may be said? Data, and what reads it."""
