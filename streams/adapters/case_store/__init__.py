"""Where are cases kept for people: every version as it was published, and what a page asks for beside it?"""
