"""Writers to the input topics. They import the contracts and nothing else of ours."""
