"""What makes training fast and changes no formula: packed rows, products with what follows them."""
