"""Readers of layouts that are not a market folder's: what publishers and public copies give, as frames.

A module for each family of files. A file is recognised by what stands in it, never by its name; what fits two
layouts, or a layout that holds several series and none by its values, is refused with its readings.
"""
