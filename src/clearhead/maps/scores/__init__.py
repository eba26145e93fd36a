"""The scores of an attention: scale, bias, mask, softcap, and how precisely they are computed."""
