"""HTML pages: self-contained, readable without scripts, safe for text that attackers wrote."""
