"""What a run would come to, found out beforehand with a few fragments."""
