"""A bootable distribution of Debian's packages as real RPMs: stock, updates, third party, local."""
