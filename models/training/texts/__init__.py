"""Which texts does the text model learn from, and which ones does it have to pass?"""
