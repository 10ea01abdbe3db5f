"""What does a customer's message want: which flow, which queue, how urgent, and what has to be asked still?"""
