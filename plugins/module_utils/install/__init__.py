"""Install orders, power, waves and schedulers: reinstallation as the one management operation (paper, 6.3)."""
