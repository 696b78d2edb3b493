"""Folders of images with masks, label images that give each pixel a class."""
