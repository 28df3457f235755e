"""Report: what the lab found as JSON, CSV, text, pictures and a page; computes nothing anew."""
