"""How settings are declared, found, checked and named."""
