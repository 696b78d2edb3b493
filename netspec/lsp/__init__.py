"""The language server: what an editor shows of a spec while it is written.

Every feature is a function of one file here, from a document and an offset in it to plain data; none of them knows the
protocol. ``server`` and ``answers`` translate, and are the only ones that need pygls.
"""
