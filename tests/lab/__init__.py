"""The lab: a stand-in distribution, an installer, and machines that boot.

It contains no rule of the product.
"""
