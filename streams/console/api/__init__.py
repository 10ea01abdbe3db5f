"""What may another service ask over HTTP, and in which form is it answered?"""
