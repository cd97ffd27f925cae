"""Tests of the pieces that the bitmap index is made of, as db/functions/bitmap has them."""
