"""How head and eyes move while somebody speaks: rules that follow the voice, its emotion, style and seed."""
