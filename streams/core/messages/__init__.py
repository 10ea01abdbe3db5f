"""What a customer may be told: templates with typed parameters, always rendered in both languages."""
