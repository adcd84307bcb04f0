"""Turn DHCP requests of unknown machines into nodes (paper, 6.4: insert-ethers)."""
