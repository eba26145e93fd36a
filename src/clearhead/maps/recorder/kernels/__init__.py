"""What each kind of fused attention kernel looks like to a recorder."""
