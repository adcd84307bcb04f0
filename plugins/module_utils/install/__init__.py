"""Install orders, boot methods, rollouts and schedulers: reinstallation is the one management
operation (paper, 6.3)."""
