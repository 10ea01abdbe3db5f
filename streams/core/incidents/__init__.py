"""Is a share of failures one customer's bad luck or an outage: of what, since when, and is it over?"""
