"""Which general questions can be answered without a person, and with which words?"""
