"""Who is asking?  DHCP requests give a name, an address and a row (paper, 6.4: insert-ethers)."""
