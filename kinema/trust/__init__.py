"""Trust: what may be asked for, what may be shown, how films are marked, signed and recognised."""
