"""The red team: attacks on every part of trust, what came of them, and the floors below which none may fall.

    policy        disguises and wrappings of sentences, by category and language (prompts.py)
    uploads       files that are no pictures or films (uploads.py)
    review        words written into pictures (pictures.py)
    watermark     what takes a mark off (marks.py)
    credentials   tampering with what a film says of itself (papers.py)
    detector      what makes a film of ours unknown (witnesses.py)

`parity.py` measures bias, `campaign.py` runs it all and holds it to `floors.json`, `page.py` writes docs/REDTEAM.md.
"""
