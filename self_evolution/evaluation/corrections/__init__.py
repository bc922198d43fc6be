"""Corrections teach: feedback enters a run, is asked anew in other words, and is checked again."""
