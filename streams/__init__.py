"""The product: contracts, pure core, runtime on Faust, agents and command line."""
