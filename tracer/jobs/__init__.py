"""What commands do once their options are read: recorder, store, analysis and views plugged together."""
