"""The command line `paywarden`: thin commands over the layers below."""
