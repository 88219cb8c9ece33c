"""
The demo: the main job on real servers, from an empty machine to searches in the index, watched on the terminal.

`story` tells it from beginning to end, `snapshot`, `live` and `comparison` are its longer steps; `services` runs the
product's services as an operator would, `latency` and the two observers measure from outside, `references` and
`file_check` know for themselves what must become of files, `screen` shows. Nothing of the product is imported but
its error tree.
"""
