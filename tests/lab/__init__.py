"""The lab: a stand-in distribution, an installer, and machines that boot.  No rule of the product lives here."""
