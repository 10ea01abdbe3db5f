"""How likely is it that the owner, and not somebody who has the password, is logging in from here?"""
