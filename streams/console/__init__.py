"""What do people see of the cases, and how does what they do come back as events?"""
