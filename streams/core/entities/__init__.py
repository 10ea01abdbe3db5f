"""Which IP, device, card range, merchant, terminal or part of the site is under attack, risky or failing?"""
