"""Turn DHCP requests of unknown machines into nodes: name, address, row (paper, 6.4: insert-ethers)."""
