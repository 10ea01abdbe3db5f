"""How is another service told of each version, signed, in order, and without one that fails holding up the others?"""
