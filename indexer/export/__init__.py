"""An index → what other tools read: a format a file.

Each format makes bytes and touches nothing (`coco` reads image headers where the index does not tell sizes); `formats` knows
all of them and where each goes; `writing` puts files down so that nothing of anybody's is lost.
"""
