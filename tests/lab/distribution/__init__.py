"""A distribution that boots, made of Debian's packages as real RPMs: stock, updates, third party, local."""
