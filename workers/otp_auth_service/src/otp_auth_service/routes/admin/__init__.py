"""The admin API: what a tenant does with its account, and what super admins do with all of them."""
